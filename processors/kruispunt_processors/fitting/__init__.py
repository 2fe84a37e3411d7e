"""The weights of the resolver fitted anew from data, offline: a new version file, and what it would change.

Must not: put a version in force; that is for a person to do.
"""

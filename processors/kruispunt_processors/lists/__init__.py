"""Lists that an agency aligns: files of rows read, kept sealed while they are linked, and pairs written.

Must not: decide who is who (`persons`).
"""

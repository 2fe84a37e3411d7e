"""Persons: which mentions are about one person, and why."""

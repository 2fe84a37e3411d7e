"""Faust processors: admit, resolve, route; and the common database."""

"""Resolve: is a signal new, and whom is it about? Claims before it publishes, marks afterwards."""

"""Admit: is a posting genuine, permitted and well formed? No database, no memory."""

"""Alembic's environment: the caller hands over an open connection."""

from __future__ import annotations

from alembic import context
from kruispunt_processors.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

"""Alembic runs this with the connection that ``gatekeeper migrate`` opened."""

from alembic import context

from gatekeeper.storage.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()

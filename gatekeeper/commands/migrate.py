"""``gatekeeper migrate``."""

import os

import click

from gatekeeper.config import read_settings
from gatekeeper.opening import migrate_ledger


@click.command("migrate")
def migrate() -> None:
    """Bring the database to this version; it may be run again, and by several at once."""
    click.echo(f"The database is of version {migrate_ledger(read_settings(os.environ))}.")

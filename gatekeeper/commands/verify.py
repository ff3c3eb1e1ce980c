"""``gatekeeper verify``."""

import os
import re
import sys

import click

from gatekeeper.audit import Finding, walk
from gatekeeper.config import read_settings
from gatekeeper.errors import Unusable
from gatekeeper.opening import open_ledger
from gatekeeper.storage.engine import transaction


@click.command("verify")
@click.option("--head", metavar="HASH", help="A hash from the header of a published message, which must be in the chain.")
def verify(head: str | None) -> None:
    """Walk the ledger's chain from its first block, and name the first that does not fit (exit 1)."""
    if head is not None and not re.fullmatch(r"[0-9a-f]{64}", head):
        raise Unusable("--head must be a hash of 64 digits and small letters a to f, as published messages carry it.")
    engine = open_ledger(read_settings(os.environ))
    try:
        with transaction(engine) as cursor:
            found = walk(cursor.connection, bytes.fromhex(head) if head else None)
    finally:
        engine.dispose()
    if isinstance(found, Finding):
        click.echo(found.sentence if found.block is None else f"Block {found.block} does not fit. {found.sentence}")
        sys.exit(1)
    click.echo(f"Everything fits: {found.blocks:,} blocks with {found.rows:,} rows, up to {found.head}.")

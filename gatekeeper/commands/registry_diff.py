"""What ``gatekeeper registry diff`` shows."""

from collections.abc import Iterator

import click
from rich.console import Console

from gatekeeper.commands.tables import show_table
from gatekeeper.registry.importing import Compared
from gatekeeper.storage.differences import Changes, SiteChange

HEADS = ("program", "what", "count", "first")


def show_compared(console: Console, compared: Compared) -> None:
    """What an import would change, and whether it would be refused."""
    header, changes = compared.header, compared.changes
    if header is not None and changes is not None:
        click.echo(f"{header.snapshot}: a snapshot with sequence {header.sequence}, as of {header.as_of}, of {header.facts:,} facts.")
        rows = [(header.snapshot, *row) for row in _rows(changes)]
        if rows:
            show_table(console, "What it would change", HEADS, rows)
        else:
            click.echo("It would change nothing but how fresh the registry is.")
        certified = changes.lost.certified
        click.echo(f"Certified sites: {certified.before:,} before, {certified.after:,} after; {certified.lost:,} would lose certification.")
    click.echo("It would be imported." if compared.refused is None else f"The import would be refused: {compared.refused}")


def _rows(changes: Changes) -> Iterator[tuple[str, str, str]]:
    for change in changes.sites:
        more = " …" if change.sites > len(change.first) else ""
        yield _named(change), f"{change.sites:,}", ", ".join(change.first) + more
    for kind, added, gone, back in changes.kinds:
        for what, count in (("new", added), ("gone", gone), ("back again", back)):
            if count:
                yield f"{kind} facts {what}", f"{count:,}", ""


def _named(change: SiteChange) -> str:
    if change.was is None:
        return f"sites gained, {change.becomes}"
    if change.becomes is None:
        return f"sites lost, {change.was}"
    if change.was == change.becomes:
        return f"sites {change.was} as before, told otherwise"
    return f"sites {change.was} -> {change.becomes}"

"""``gatekeeper doctor``."""

import os
import sys

import click

from gatekeeper.config import read_settings
from gatekeeper.doctor import Found, Heed, examine
from gatekeeper.errors import Unusable


@click.command("doctor")
def doctor() -> None:
    """Check settings, database, clocks, rules and broker: one line each, exit 1 if one fails."""
    try:
        settings = read_settings(os.environ)
    except Unusable as wrong:
        _show(Found("settings", good=False, sentence=str(wrong)))
        sys.exit(1)
    _show(Found("settings", good=True, sentence="Every setting is known and can be used."))
    good = True
    for found in examine(settings):
        _show(found)
        good &= found.good
    if not good:
        sys.exit(1)


def _show(found: Found) -> None:
    word = click.style("good ", fg="green") if found.good else click.style("WRONG", fg="red", bold=True)
    if isinstance(found.sentence, Heed):
        word = click.style("heed ", fg="yellow", bold=True)
    click.echo(f"{word}  {found.about:<12} {found.sentence}")

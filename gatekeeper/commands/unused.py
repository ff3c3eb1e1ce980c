"""``gatekeeper unused``."""

import os
from datetime import date
from typing import Any

import click
import msgspec
from msgspec import UNSET
from rich.console import Console

from gatekeeper.commands.feed_options import PROGRAM, day_of, opened, program_named
from gatekeeper.commands.tables import show_table
from gatekeeper.config import read_settings
from gatekeeper.errors import Unusable
from gatekeeper.goods.unused import STATES, Vials, listed

HEADS = ("state", "until", "form of", "site", "order", "line", "out", "of", "serials that are out", "serials that came back")


@click.group("unused")
def unused() -> None:
    """Vials that left and did not come back: what a site has not used it must return so many business days after the form."""


@unused.command("list")
@PROGRAM
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Only these; may be given more than once.")
@click.option("--from", "since", metavar="YYYY-MM-DD", help="Only what is to be returned on this day or later.")
@click.option("--to", "until", metavar="YYYY-MM-DD", help="Only what is to be returned on this day or earlier.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON a line of an order.")
def list_command(program: str, states: tuple[str, ...], since: str | None, until: str | None, as_json: bool) -> None:  # noqa: FBT001
    """List what left by program: which site, order, line and serials, how much is out, and until when what was not used must be back.

    due: the day has not passed. overdue: it has. returned: all of it came back. unknown: no registry said when the form was submitted.
    What is out may have been used: nobody tells the gatekeeper. No patient is named.
    """
    settings = read_settings(os.environ)
    of = program_named(settings, program)
    first, last = None if since is None else day_of(since, "--from"), None if until is None else day_of(until, "--to")
    if not of.return_window_business_days:
        raise Unusable(f"The rules of {program} count no days for a return.")
    if first and last and last < first:
        raise Unusable("--to must not be before --from.")

    def wanted(end: date | None) -> bool:
        return (first is None and last is None) if end is None else (first or end) <= end <= (last or end)

    with opened(settings) as engine:
        found = [each for each in listed(engine, of, wanted) if not states or each[0] in states]
    if as_json:
        for state, vials in found:
            click.echo(msgspec.json.encode(_document(state, vials)))
    elif found:
        show_table(Console(), f"Vials of {program}", HEADS, [_row(_document(state, vials)) for state, vials in found])
    else:
        click.echo(f"There are no such vials of {program}.")


def _document(state: str, vials: Vials) -> dict[str, Any]:
    body = vials.record.body
    return {
        "program": body.program,
        "state": state,
        "return_by": vials.ends_on,
        "form_submitted_on": vials.submitted_on,
        "site_id": body.ship_to.site_id,
        "administering_site_id": None if body.administering_site_id is UNSET else body.administering_site_id,
        "wholesaler_id": body.wholesaler_id,
        "order_id": body.order_id,
        "revision": body.revision,
        "line": body.line,
        "record_id": body.record_id,
        "shipped": vials.record.units,
        "out": vials.out,
        "serials": vials.serials,
        "returned_serials": vials.returned_serials,
    }


def _row(said: dict[str, Any]) -> tuple[str, ...]:
    order = f"{said['wholesaler_id']}/{said['order_id']}/{said['revision']}"
    days = [str(said[name] or "not known") for name in ("return_by", "form_submitted_on")]
    counts = [str(said[name]) for name in ("line", "out", "shipped")]
    serials = [" ".join(said[name]) for name in ("serials", "returned_serials")]
    return (said["state"], *days, said["administering_site_id"] or said["site_id"] or "not known", order, *counts, *serials)

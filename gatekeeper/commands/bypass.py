"""``gatekeeper bypass``."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path

import click
from sqlalchemy import Engine

from gatekeeper.commands.acting import Acting, acting, id_of
from gatekeeper.config import read_settings
from gatekeeper.examinations.recording import Terms
from gatekeeper.goods import bypasses
from gatekeeper.lines import open_file
from gatekeeper.messages import written
from gatekeeper.opening import open_ledger
from gatekeeper.people.access import Person
from gatekeeper.people.permissions import Permission
from gatekeeper.rules import RuleBook
from gatekeeper.storage import bypasses as kept
from gatekeeper.storage.bypasses import Bypass
from gatekeeper.storage.engine import transaction

REASON = click.option("--reason", required=True, help="Why, in words that an auditor understands. Name no patient.")
Decide = Callable[[Engine, str, str, Person, RuleBook, Terms], Bypass]


@click.group("bypass")
def bypass() -> None:
    """Goods that left past the gate, and of which no distribution record could be made.

    One person completes what is known of them, another approves it; the record is then made. Who acts is the person of GATEKEEPER_TOKEN.
    """


@bypass.command("list")
@click.option("--all", "every", is_flag=True, help="Also those of which there is a record, or that the gate released after all.")
def list_command(*, every: bool) -> int:
    """Show what left past the gate and has no record yet, oldest first: what is lacking, who did what. Exit 1 if there is any."""
    settings = read_settings(os.environ)
    engine = open_ledger(settings)
    try:
        found = bypasses.listed(engine, every=every)
    finally:
        engine.dispose()
    for line in [line for each in found for line in _shown(each)] or ["Nothing left past the gate without a record."]:
        click.echo(line)
    return int(any(each.is_open for each in found))


@bypass.command("complete")
@click.argument("bypass_id")
@click.argument("file", type=click.Path(path_type=Path))
@REASON
def complete_command(bypass_id: str, file: Path, reason: str) -> None:
    """Propose what a record of the goods lacks: a JSON file with any of product, quantity, unit, lot, expires_on, serials, patient,
    ship_to and ship_from, each as in an order."""
    with open_file(file) as opened:
        said = bypasses.read_completion(opened.read(bypasses.MOST_OF_A_FILE + 1))
    with acting(Permission.PROPOSE_BYPASSES) as by:
        _must_act_for(by, bypass_id)
        found = bypasses.complete(by.engine, bypass_id, said, reason, by.person, by.book, by.terms)
    click.echo(f"{found.bypass_id} is completed by {by.person.name}: {_about(found)}. Another person must approve it.")


@bypass.command("approve")
@click.argument("bypass_id")
@REASON
def approve_command(bypass_id: str, reason: str) -> None:
    """Make the record of what was completed. Nobody approves what he proposed."""
    _decide(bypasses.approve, bypass_id, reason)


@bypass.command("refuse")
@click.argument("bypass_id")
@REASON
def refuse_command(bypass_id: str, reason: str) -> None:
    """Close a proposal that is not to count. The bypass stays open."""
    _decide(bypasses.refuse, bypass_id, reason)


def _decide(step: Decide, bypass_id: str, reason: str) -> None:
    with acting(Permission.APPROVE_BYPASSES) as by:
        _must_act_for(by, bypass_id)
        found = step(by.engine, bypass_id, reason, by.person, by.book, by.terms)
    click.echo(f"{found.bypass_id} is {found.state} by {by.person.name}: {_about(found)}.")


def _must_act_for(by: Acting, bypass_id: str) -> None:
    if wanted := id_of(bypass_id):
        with transaction(by.engine) as cursor:
            seen = kept.one(cursor, wanted)
        if seen is not None:
            by.must_act_for(seen.program, seen.place.wholesaler_id)


def _about(found: Bypass) -> str:
    return f"line {found.place.line} of {found.place.wholesaler_id}/{found.place.order_id}/{found.place.revision}, event {found.event_id}"


def _shown(found: Bypass) -> Iterator[str]:
    yield f"{found.bypass_id}  {found.state}  {_about(found)}"
    lacking = f"; a record lacks {found.lacks.replace(',', ', ')}" if found.lacks else ""
    yield f"    found {written(found.at.astimezone(UTC))}: {found.why.replace(',', ', ')}{lacking}"
    for step in found.steps:
        by = f" by {step.person}: {step.reason}" if step.person else ""
        yield f"    {step.step} {written(step.at.astimezone(UTC))}{by}"

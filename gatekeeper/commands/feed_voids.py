"""``gatekeeper feed void``."""

import os

import click

from gatekeeper.commands.acting import Acting, acting, id_of
from gatekeeper.commands.feed_corrections import REASON, echo_steps, must_act_for
from gatekeeper.commands.feed_options import opened
from gatekeeper.config import read_settings
from gatekeeper.feeds import voiding
from gatekeeper.people.permissions import Permission
from gatekeeper.storage import voidings as kept
from gatekeeper.storage.engine import transaction


@click.group("void")
def void() -> None:
    """Void the record of a withdrawn line whose goods stayed, where no shipment event says so, or a return record that is wrong: one person
    proposes, another approves.

    Who acts is the person of GATEKEEPER_TOKEN.
    """


@void.command("list")
@click.option("--all", "every", is_flag=True, help="Also those that were approved or refused.")
def list_command(*, every: bool) -> None:
    """Show the voids that wait for a second person, oldest first: of which record, who proposed it and why."""
    with opened(read_settings(os.environ)) as engine:
        found = voiding.listed(engine, every=every)
    for each in found:
        named = f"record {each.sequence} of {each.program} ({each.record_id}), {each.kind}, {each.place}"
        click.echo(f"{each.voiding_id}  {each.state}  {named}")
        echo_steps(each)
    if not found:
        click.echo("No void waits for a second person." if not every else "No void was ever proposed.")


@void.command("propose")
@click.argument("record_id")
@REASON
def propose_command(record_id: str, reason: str) -> None:
    """Say that the goods of a record stayed: its line must be withdrawn, and nothing of it may be reported to have left.

    Or say that a return record is wrong: what its event said came back counts for nothing then. What really came back is for the warehouse
    to report, by an event with an id of its own.
    """
    with acting(Permission.PROPOSE_VOIDS) as by:
        must_act_for(by, id_of(record_id))
        name = voiding.propose(by.engine, record_id, reason, by.person, by.book, by.terms)
    click.echo(f"{name} is proposed by {by.person.name}. Another person must approve it before it counts.")


@void.command("approve")
@click.argument("void_id")
@REASON
def approve_command(void_id: str, reason: str) -> None:
    """Make the void record, which the relay publishes; units and serials are free, or those of a return are out again.

    Nobody approves what he proposed.
    """
    with acting(Permission.APPROVE_VOIDS) as by:
        _must_act_for_void(by, void_id)
        made = voiding.approve(by.engine, void_id, reason, by.person, by.book, by.terms)
    click.echo(f"Record {made.sequence} of {made.program} ({made.record_id}) voids {made.replaces}, approved by {by.person.name}.")


@void.command("refuse")
@click.argument("void_id")
@REASON
def refuse_command(void_id: str, reason: str) -> None:
    """Close a proposal that is not to count."""
    with acting(Permission.APPROVE_VOIDS) as by:
        _must_act_for_void(by, void_id)
        voiding.refuse(by.engine, void_id, reason, by.person)
    click.echo(f"{void_id} is refused by {by.person.name}.")


def _must_act_for_void(by: Acting, void_id: str) -> None:
    if wanted := id_of(void_id):
        with transaction(by.engine) as cursor:
            seen = kept.one(cursor, wanted)
        if seen is not None:
            by.must_act_for(seen.program, seen.place.wholesaler_id)

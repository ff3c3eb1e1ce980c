"""``gatekeeper feed rejected``, ``show`` and ``correct``."""

import os
from datetime import UTC
from pathlib import Path
from uuid import UUID

import click
import msgspec

from gatekeeper.commands.acting import Acting, acting, id_of
from gatekeeper.commands.feed_options import PROGRAM, opened, program_named
from gatekeeper.config import read_settings
from gatekeeper.errors import Unusable
from gatekeeper.examinations.withdrawal import record_of
from gatekeeper.feeds import correcting
from gatekeeper.feeds.proposals import Proposed
from gatekeeper.goods.books import RETURN
from gatekeeper.messages import written
from gatekeeper.people.permissions import Permission
from gatekeeper.storage import corrections as kept
from gatekeeper.storage.corrections import Told
from gatekeeper.storage.engine import transaction

REASON = click.option("--reason", required=True, help="Why, in words that an auditor understands. Name no patient.")


@click.command("rejected")
@PROGRAM
def rejected_command(program: str) -> None:
    """List the records that the REMS rejected and that nobody has corrected or voided, each with its problem.

    A return is voided where it is wrong, and sent once more where it is right; a void is sent once more.
    """
    settings = read_settings(os.environ)
    program_named(settings, program)
    with opened(settings) as engine:
        found = correcting.rejected(engine, program)
    for told in found:
        click.echo(f"{told.record_id}  {told.sequence}  {told.kind}  {_problem(told)}")
    if not found:
        click.echo(f"No record of {program} waits for a correction.")


@click.command("show")
@click.argument("record_id")
def show_command(record_id: str) -> None:
    """Show a record as it was sent, what the REMS said of it last, and what was proposed. It names its patient: it is for a known person.

    That person is the one of GATEKEEPER_TOKEN.
    """
    with acting(Permission.READ_RECORDS, Permission.READ_PATIENTS) as by:
        must_act_for(by, id_of(record_id))
        told, proposals = correcting.show(by.engine, record_id)
    click.echo(told.body.decode())
    ended = "voided" if told.kind == RETURN else "replaced"
    click.echo(
        f"{told.status or 'open'}{f', {ended}' if told.replaced else ''}" + (f": {_problem(told)}" if told.status == "rejected" else "")
    )
    for proposal in proposals:
        click.echo(f"{proposal.correction_id}  {proposal.decision or 'proposed'}")
        echo_steps(proposal)


@click.group("correct")
def correct() -> None:
    """Correct a record that the REMS rejected: one person proposes, another approves, and the correction replaces it in the feed.

    Who acts is the person of GATEKEEPER_TOKEN.
    """


@correct.command("propose")
@click.argument("record_id")
@click.argument("file", type=click.Path(path_type=Path))
@REASON
def propose_command(record_id: str, file: Path, reason: str) -> None:
    """Propose a correction. FILE is a JSON object of the members that change: patient_id, prescriber_id, authorization_id,
    administering_site_id, lot, expires_on, serials. How many left, and to where, is what shipment events say.
    """
    with acting(Permission.PROPOSE_CORRECTIONS) as by:
        must_act_for(by, id_of(record_id))
        name = correcting.propose(by.engine, record_id, correcting.read_changes(_read(file)), reason, by.person)
    click.echo(f"{name} is proposed by {by.person.name}. Another person must approve it before it counts.")


@correct.command("approve")
@click.argument("correction_id")
@REASON
def approve_command(correction_id: str, reason: str) -> None:
    """Make the correction, which the relay publishes. Nobody approves what he proposed."""
    with acting(Permission.APPROVE_CORRECTIONS) as by:
        must_act_for(by, _record_of(by, correction_id))
        made = correcting.approve(by.engine, correction_id, reason, by.person, by.book, by.terms)
    click.echo(f"Record {made.sequence} of {made.program} ({made.record_id}) replaces {made.replaces}, approved by {by.person.name}.")


@correct.command("refuse")
@click.argument("correction_id")
@REASON
def refuse_command(correction_id: str, reason: str) -> None:
    """Close a proposal that is not to count."""
    with acting(Permission.APPROVE_CORRECTIONS) as by:
        must_act_for(by, _record_of(by, correction_id))
        correcting.refuse(by.engine, correction_id, reason, by.person)
    click.echo(f"{correction_id} is refused by {by.person.name}.")


def _record_of(by: Acting, correction_id: str) -> UUID | None:
    wanted = id_of(correction_id)
    with transaction(by.engine) as cursor:
        proposal = kept.proposal(cursor, wanted) if wanted else None
    return None if proposal is None else proposal.record_id


def must_act_for(by: Acting, record_id: UUID | None) -> None:
    """Raises ``Unusable`` where the token is not for the record's program and wholesaler."""
    with transaction(by.engine) as cursor:
        told = kept.record(cursor, record_id) if record_id else None
    if told is not None:
        by.must_act_for(told.program, record_of(told.body).wholesaler_id)


def echo_steps(proposal: Proposed) -> None:
    """Says who proposed it, when and why, and who decided it, if anybody did."""
    click.echo(f"    proposed {written(proposal.at.astimezone(UTC))} by {proposal.person}: {proposal.reason}")
    if proposal.decided_at is not None:
        click.echo(
            f"    {proposal.decision} {written(proposal.decided_at.astimezone(UTC))} by {proposal.decided_by}: {proposal.decided_because}"
        )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(correcting.MOST_OF_A_FILE + 1)
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}.") from None


def _problem(told: Told) -> str:
    return str(msgspec.json.decode(told.said or b"{}").get("problem", ""))

"""A record that a REMS rejected: one person proposes what to change, another approves it, and the correction replaces it in the feed."""

from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw
from psycopg import Cursor

from gatekeeper.desk import read_reason
from gatekeeper.domain.acknowledgements import REJECTED
from gatekeeper.domain.ids import correction_id
from gatekeeper.errors import Halt, Unusable
from gatekeeper.examinations.recording import Terms
from gatekeeper.examinations.withdrawal import record_of
from gatekeeper.feeds.proposals import OfOneRecord, told_of, undecided
from gatekeeper.goods.books import RETURN, STANDING
from gatekeeper.goods.held import holding
from gatekeeper.goods.settlement import CORRECTED, Settlement, with_changes
from gatekeeper.people.access import Person
from gatekeeper.people.approvals import CORRECTION, approval_row, refuse_own
from gatekeeper.rules import RuleBook
from gatekeeper.storage import corrections as kept
from gatekeeper.storage import ledger, tables
from gatekeeper.storage.corrections import Proposal, Told
from gatekeeper.storage.engine import Database, transaction
from gatekeeper.storage.records import Place
from schemas.canonical import canonical
from schemas.correction import RecordChanges, changes_hold
from schemas.record import DistributionRecord

MOST_OF_A_FILE: Final = 65_536
_changes = msgspec.json.Decoder(RecordChanges)


def read_changes(raw: bytes) -> RecordChanges:
    """What a person's file says. Raises ``Unusable`` with one sentence that repeats nothing of it."""
    if len(raw) > MOST_OF_A_FILE:
        raise Unusable(f"The file is longer than {MOST_OF_A_FILE} bytes.")
    try:
        changes = _changes.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unusable(f"The file must be one JSON object with members among {', '.join(RecordChanges.__struct_fields__)}.") from None
    if changes == RecordChanges():
        raise Unusable("The file changes nothing.")
    if not changes_hold(changes):
        raise Unusable("The file says something that no order or event may say: see the limits of the contract.")
    return changes


def show(engine: Database, name: str) -> tuple[Told, list[Proposal]]:
    """A record with what its REMS said of it last, and what was proposed. Raises ``Unusable`` where there is none."""
    with transaction(engine) as cursor:
        told = told_of(cursor, name)
        return told, list(kept.proposals(cursor, told.record_id))


def rejected(engine: Database, program: str) -> list[Told]:
    """The records of a program that need a correction, by their sequences."""
    with transaction(engine) as cursor:
        return kept.rejected(cursor, program)


def propose(engine: Database, name: str, changes: RecordChanges, reason: str, person: Person) -> UUID:
    """Puts a proposal on record, and gives its id. Raises ``Unusable`` where the record cannot be corrected so."""
    reason = read_reason(reason)
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        tail = ledger.read_tail(cursor)
        told = told_of(cursor, name)
        _refuse(cursor, told, changes)
        for other in kept.proposals(cursor, told.record_id):
            if other.decision is None:
                raise Unusable(f"A correction of record {told.sequence} is proposed already, as {other.correction_id}, by {other.person}.")
        proposed = correction_id(str(told.record_id), tail.block + 1)
        row = (proposed, told.record_id, told.program, canonical(changes), reason, person.subject, tail.now, tail.block + 1)
        ledger.add_block(cursor, tail, {tables.CORRECTION: [row]})
    return proposed


def approve(engine: Database, name: str, reason: str, person: Person, book: RuleBook, terms: Terms) -> DistributionRecord:
    """Makes the correction, which the relay publishes. Raises ``Unusable`` where it is not open, or ``person`` proposed it."""
    reason = read_reason(reason)
    with _open(engine, name) as (cursor, proposal):
        refuse_own(proposal.person, person)
        told = told_of(cursor, str(proposal.record_id))
        changes = _changes.decode(proposal.body)
        _refuse(cursor, told, changes)
        correcting = _Correcting.of(cursor, told, book, terms, changes.serials or ())
        return correcting.correct(cursor, told, changes, proposal.correction_id, reason, person)


def refuse(engine: Database, name: str, reason: str, person: Person) -> None:
    """The proposal comes to nothing; whoever made it may take it back so too. Raises ``Unusable`` where it is not open."""
    reason = read_reason(reason)
    with _open(engine, name) as (cursor, proposal):
        tail = ledger.read_tail(cursor)
        row = (proposal.correction_id, "refused", reason, person.subject, tail.now, tail.block + 1)
        ledger.add_block(cursor, tail, {tables.CORRECTION_DECISION: [row]})


class _Correcting(OfOneRecord):
    """One correction, until it is written."""

    def correct(
        self, cursor: Cursor[Any], told: Told, changes: RecordChanges, about: UUID, reason: str, person: Person
    ) -> DistributionRecord:
        """Adds the record, the decision and the approval, and moves what the line has used up."""
        body = record_of(told.body)
        place = Place.of(body)
        before = self._book(place)
        live = before.live
        if live is None or live.record_id != told.record_id:
            raise Halt(f"Record {told.sequence} of {told.program} is not the live one of its line: this is a fault of the gatekeeper.")
        case = Settlement(
            at=self._at, programs=Raw(b"[]"), line=place.line, unit=live.body.unit, standing=live.body, changes=changes,
        )  # fmt: skip
        self._settle(place, CORRECTED, case, live, live.units, sha256(canonical(changes)).digest(), None)
        self._moved(place, holding(before), holding(self._book(place)))
        at = self._tail.now
        self._rows[tables.CORRECTION_DECISION].append((about, "approved", reason, person.subject, at, self._block))
        self._rows[tables.APPROVAL].append(approval_row(CORRECTION, about, person, at, self._block))
        self._add_block(cursor)
        made = self._book(place).live
        if made is None:
            raise Halt("A correction left no live record: this is a fault of the gatekeeper.")
        return made.body


def _open(engine: Database, name: str) -> AbstractContextManager[tuple[Cursor[Any], Proposal]]:
    return undecided(engine, name, kept.proposal, "correction", "show", "correction")


def _refuse(cursor: Cursor[Any], told: Told, changes: RecordChanges) -> None:
    """Only what was rejected is corrected, only the live record of a line, and only into a record that could be one."""
    named = f"Record {told.sequence} of {told.program}"
    if told.kind not in STANDING:
        wrong = " Where it is wrong it is voided (`gatekeeper feed void`), and what came back is told anew." if told.kind == RETURN else ""
        raise Unusable(
            f"{named} is a {told.kind}: there is nothing in it to correct. It can be sent once more (`gatekeeper feed resend`).{wrong}"
        )
    if told.replaced:
        raise Unusable(f"{named} was replaced or voided already.")
    if told.status != REJECTED:
        raise Unusable(f"{named} was not rejected: only a record that the REMS rejected is corrected.")
    before = record_of(told.body)
    after = with_changes(before, changes)
    if after == before:
        raise Unusable(f"{named} says this already.")
    if changes.serials is not UNSET and changes.serials:
        if before.serials is not UNSET and len(before.serials) != len(changes.serials):
            raise Unusable(f"{named} has {len(before.serials)} serials, and the correction another number of them.")
        place = str(Place.of(before))
        if taken := kept.taken(cursor, before.product.gtin, list(changes.serials), place):
            raise Unusable(f"{len(taken)} of the serials are out with another line.")

"""A return record that is wrong: when two people have said so it is void, and what its event said of the line counts for nothing."""

from typing import Any
from uuid import UUID

from psycopg import Cursor

from gatekeeper.errors import Halt, Unusable
from gatekeeper.examinations.recording import Terms
from gatekeeper.examinations.withdrawal import record_of
from gatekeeper.goods.line_book import Told, lines_of, told_of
from gatekeeper.goods.past_gate import place_of
from gatekeeper.goods.waits import guarded, prepared
from gatekeeper.people.access import Person
from gatekeeper.people.approvals import VOID, VOID_OF_RETURN, approval_row
from gatekeeper.rules import RuleBook
from gatekeeper.storage import corrections, ledger
from gatekeeper.storage.events import digest_of, events_of
from gatekeeper.storage.voidings import Voiding, made_of
from schemas.record import DistributionRecord


def refuse_ended(told: corrections.Told) -> None:
    """Raises ``Unusable`` where the return is void already."""
    if told.replaced:
        raise Unusable(f"Record {told.sequence} of {told.program} was voided already.")


def void_return(
    cursor: Cursor[Any], told: corrections.Told, proposal: Voiding, reason: str, person: Person, book: RuleBook, terms: Terms
) -> DistributionRecord:
    """Adds the void record, the decision and the approval, under the ledger lock; the line is as if the return had not been told."""
    refuse_ended(told)
    tail, _, _, counts, *_ = ledger.read_end(cursor, 0)
    order_id, block = record_of(told.body).order_id, tail.block + 1
    late = prepared(cursor, book.at(tail.now), terms, tail, [order_id], {_event_of(cursor, told.record_id, order_id)})
    late.counts = counts
    [(event, line)] = late.waiting
    place = place_of(event, line)
    [back] = [record for record in late.books.records(place) if record.record_id == told.record_id]
    guarded(event, late.void_return, back, event, line, proposal.voiding_id)
    late.decide((proposal.voiding_id, "approved", reason, person.subject, tail.now, block))
    late.approve(approval_row(VOID, proposal.voiding_id, person, tail.now, block, VOID_OF_RETURN))
    late.write(cursor)
    return next(record.body for record in late.books.records(place) if record.replaces == back.record_id)


def _event_of(cursor: Cursor[Any], record_id: UUID, order_id: str) -> Told:
    """What the return record was made of."""
    digest = made_of(cursor, record_id)
    for event in events_of(cursor, [order_id]):
        for line in lines_of(event.said) if event.event == "returned" else ():
            if digest_of(event.said, line) == digest:
                return told_of(event.said, line.line)
    raise Halt("There is no event that this return was recorded of: run `gatekeeper verify`.")

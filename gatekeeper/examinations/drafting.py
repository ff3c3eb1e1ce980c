"""All that follows from one case, worked out without the ledger: pure, so that it can be done before the ledger lock is taken.

What only the ledger knows (the number of an examination, the sequence of a record) is put in when it is added.
"""

from collections.abc import Container, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from gatekeeper.arrivals import Arrival, Position
from gatekeeper.domain.calendar import day_in
from gatekeeper.domain.case import Case, Held, Question
from gatekeeper.domain.ids import verdict_id
from gatekeeper.domain.order import Order
from gatekeeper.domain.records import records_for
from gatekeeper.domain.verdict import Verdict, decide
from gatekeeper.evidence import Asked, evidence
from gatekeeper.examinations.outlook import Outlook, outlook
from gatekeeper.messages import Envelope, NewRecord, messages_for, new_records, written
from gatekeeper.rules import RuleBook, Rules
from gatekeeper.storage.ledger import Tail
from gatekeeper.storage.lookups import MOVING, Said, Stood

LONGEST: Final = timedelta(seconds=5)


class Moment(NamedTuple):
    """When it is decided, and by what."""

    at: datetime
    registry_version: int
    rules: Rules
    watch_business_days: int
    reports_shipments: frozenset[str]
    """Wholesalers that do."""

    def envelope(self, wholesaler_id: str, order_id: str, revision: int, number: int) -> Envelope:
        """Of the n-th examination of this revision."""
        name = verdict_id(wholesaler_id, order_id, revision, number)
        return Envelope(name, wholesaler_id, order_id, revision, number, written(self.at), self.registry_version, self.rules.said)


class Draft(NamedTuple):
    """The answer to one message."""

    verdict: Verdict
    envelope: Envelope
    said: tuple[bytes | None, bytes | None]
    """The released and the stopped message."""
    evidence: bytes
    records: tuple[NewRecord, ...]
    outlook: Outlook
    moving: tuple[tuple[Question, Any], ...]
    """What was asked of that which moves with every verdict, and what was answered."""

    def holds(self, said: Mapping[Question, Said]) -> bool:
        """Whether nothing that it asked, and that may have moved, is answered otherwise."""
        return all(said[question].answer == answer for question, answer in self.moving)


def draft(
    moment: Moment,
    source: int,
    arrival: Arrival,
    order: Order,
    said: Mapping[Question, Said],
    number: int = 1,
    left: Container[int] = (),
    held: tuple[Held, ...] = (),
) -> Draft:
    """What is answered to the ``order`` of an arrival; by default as that of the first message of its revision, of which nothing left."""
    at, _, rules, watch_business_days, reporting = moment
    asked = Asked(said)
    case = Case(order, asked, rules.programs, at, held=held)
    verdict = decide(case)
    envelope = moment.envelope(order.wholesaler_id, order.order_id, order.revision, number)
    records = records_for(order, verdict, envelope.verdict_id, number)
    also = {"held": held} if held else {}
    return Draft(
        verdict,
        envelope,
        messages_for(envelope, verdict.lines, records),
        evidence(envelope.decided_at, arrival.content, rules.kept_for(order), asked.asked, arrived=(source, *arrival.position), **also),
        new_records(records, verdict, envelope.decided_at),
        outlook(case, asked, verdict, watch_business_days, reported=order.wholesaler_id in reporting, left=left),
        tuple([(question, answer) for question, answer in asked.items() if question[0] in MOVING]),
    )


class Drafts(NamedTuple):
    """The answers to a batch, by what was known before the ledger lock."""

    stood: Stood
    """Where the ledger stood then. Its instant is that of the verdicts, if they count."""
    answers: dict[Position, Draft]

    def may_count(self, tail: Tail, rules: Rules, book: RuleBook | None) -> bool:
        """Whether they may count under the lock, where the registry is still what it was.

        Not where another was decided since at a later instant: the ledger's never go back. And never from one day, nor from other rules,
        to the next, nor for longer than a session may keep the lock.
        """
        at, now = self.stood.at, tail.now
        return (
            tail.at <= at <= now <= at + LONGEST
            and (book is None or book.at(at) is rules)
            and all(day_in(at, program.time_zone) == day_in(now, program.time_zone) for program in rules.programs)
        )

"""A record of goods that stayed, or a return record that is wrong: one person says so, another approves it, and the record is void.

Of goods that stayed it is the way where no `cancelled` event says so: what may still leave, or is reported to have left, is not voided.
"""

from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from msgspec import Raw
from psycopg import Cursor

from gatekeeper.desk import read_reason
from gatekeeper.domain.ids import voiding_id
from gatekeeper.errors import Unusable
from gatekeeper.examinations.recording import Terms
from gatekeeper.examinations.withdrawal import record_of, released_lines
from gatekeeper.feeds.proposals import OfOneRecord, told_of, undecided
from gatekeeper.feeds.voiding_returns import refuse_ended, void_return
from gatekeeper.goods.books import RETURN, STANDING
from gatekeeper.goods.held import holding
from gatekeeper.goods.line_book import Book
from gatekeeper.goods.settlement import VOIDED, Settlement
from gatekeeper.people.access import Person
from gatekeeper.people.approvals import VOID, approval_row, refuse_own
from gatekeeper.rules import RuleBook
from gatekeeper.storage import ledger, tables
from gatekeeper.storage import voidings as kept
from gatekeeper.storage.corrections import Told
from gatekeeper.storage.engine import Database, transaction
from gatekeeper.storage.records import Place, Recorded
from gatekeeper.storage.voidings import Voiding
from schemas.record import DistributionRecord


def listed(engine: Database, *, every: bool) -> list[Voiding]:
    """Those that wait for a second person, oldest first; or all."""
    with transaction(engine) as cursor:
        return [voiding for voiding in kept.following(cursor, None, None) if every or voiding.decision is None]


def propose(engine: Database, name: str, reason: str, person: Person, book: RuleBook, terms: Terms) -> UUID:
    """Puts on record that the goods of a record stayed, or that a return record is wrong, and gives the proposal's id. Raises ``Unusable``
    where nobody could know that.
    """
    reason = read_reason(reason)
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        told = told_of(cursor, name)
        voiding = _Voiding.of(cursor, told, book, terms)
        if told.kind == RETURN:
            refuse_ended(told)
        else:
            voiding.live(told)
        for other in kept.of_record(cursor, told.record_id):
            if other.decision is None:
                raise Unusable(f"A void of record {told.sequence} is proposed already, as {other.voiding_id}, by {other.person}.")
        return voiding.propose(cursor, told, reason, person)


def approve(engine: Database, name: str, reason: str, person: Person, book: RuleBook, terms: Terms) -> DistributionRecord:
    """Makes the void record, which the relay publishes. Raises ``Unusable`` where it is not open, or ``person`` proposed it."""
    reason = read_reason(reason)
    with _open(engine, name) as (cursor, proposal):
        refuse_own(proposal.person, person)
        told = told_of(cursor, str(proposal.record_id))
        if told.kind == RETURN:
            return void_return(cursor, told, proposal, reason, person, book, terms)
        return _Voiding.of(cursor, told, book, terms).void(cursor, told, proposal, reason, person)


def refuse(engine: Database, name: str, reason: str, person: Person) -> None:
    """The proposal comes to nothing; whoever made it may take it back so too. Raises ``Unusable`` where it is not open."""
    reason = read_reason(reason)
    with _open(engine, name) as (cursor, proposal):
        tail = ledger.read_tail(cursor)
        row = (proposal.voiding_id, "refused", reason, person.subject, tail.now, tail.block + 1)
        ledger.add_block(cursor, tail, {tables.VOIDING_DECISION: [row]})


class _Voiding(OfOneRecord):
    """One void, until it is written."""

    def live(self, told: Told) -> tuple[Place, Book, Recorded]:
        """The line, its book and the record, which is live. Raises ``Unusable`` where its goods have left, or still may."""
        named, body = f"Record {told.sequence} of {told.program}", record_of(told.body)
        if told.kind not in STANDING:
            raise Unusable(f"{named} is a {told.kind}: there is nothing in it to void.")
        place = Place.of(body)
        book = self._book(place)
        if book.live is None or book.live.record_id != told.record_id:
            raise Unusable(f"{named} was replaced or voided already.")
        if book.left:
            raise Unusable(f"Goods of the line of record {told.sequence} were reported to have left: its records say what became of them.")
        released = released_lines(self._history[place[:2]]).get(place[2:])
        if released is None or released.out:
            raise Unusable(
                f"The line of record {told.sequence} is released, and its goods may still leave: "
                "first a `cancelled` event or a higher revision of the order must withdraw it."
            )
        return place, book, book.live

    def propose(self, cursor: Cursor[Any], told: Told, reason: str, person: Person) -> UUID:
        """Adds the word of the first person."""
        name = voiding_id(str(told.record_id), self._block)
        self._rows[tables.VOIDING].append((name, told.record_id, reason, person.subject, self._tail.now, self._block))
        self._add_block(cursor)
        return name

    def void(self, cursor: Cursor[Any], told: Told, proposal: Voiding, reason: str, person: Person) -> DistributionRecord:
        """Adds the record, the decision and the approval; what the line has used up is free."""
        place, book, live = self.live(told)
        about, at = proposal.voiding_id, self._tail.now
        case = Settlement(at=self._at, programs=Raw(b"[]"), line=place.line, unit=live.body.unit, standing=live.body)
        self._settle(place, VOIDED, case, live, live.units, about.bytes, None)
        self._moved(place, holding(book), holding(self._book(place)))
        self._rows[tables.VOIDING_DECISION].append((about, "approved", reason, person.subject, at, self._block))
        self._rows[tables.APPROVAL].append(approval_row(VOID, about, person, at, self._block))
        self._add_block(cursor)
        return self.books.records(place)[-1].body


def _open(engine: Database, name: str) -> AbstractContextManager[tuple[Cursor[Any], Voiding]]:
    return undecided(engine, name, kept.one, "void", "void list", "proposed void")

"""What one person proposes about a distribution record and another decides, whether it is a correction or a void."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol, Self, TypeVar
from uuid import UUID

from psycopg import Cursor

from gatekeeper.errors import Unusable
from gatekeeper.examinations.recording import Terms
from gatekeeper.examinations.withdrawal import record_of
from gatekeeper.feeds.acknowledging import record_named
from gatekeeper.goods.bookkeeping import Bookkeeping
from gatekeeper.goods.grounds import keep_books, read_holders
from gatekeeper.goods.line_book import Books
from gatekeeper.rules import RuleBook
from gatekeeper.storage import ledger, waiting_events
from gatekeeper.storage.corrections import Told, record
from gatekeeper.storage.engine import Database, transaction
from gatekeeper.storage.events import events_of
from gatekeeper.storage.records import records_of


class Proposed(Protocol):
    """What one person proposed, and what another decided, if he did."""

    @property
    def reason(self) -> str: ...
    @property
    def person(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def decision(self) -> str | None: ...
    @property
    def decided_because(self) -> str | None: ...
    @property
    def decided_by(self) -> str | None: ...
    @property
    def decided_at(self) -> datetime | None: ...


P = TypeVar("P", bound=Proposed)


class OfOneRecord(Bookkeeping):
    """What two people decided about one record, until it is written."""

    @classmethod
    def of(cls, cursor: Cursor[Any], told: Told, rules: RuleBook, terms: Terms, also: Iterable[str] = ()) -> Self:
        """With all that is known of the record's order, and who has ``also`` these serials, under the ledger lock."""
        tail, _, _, counts, *_ = ledger.read_end(cursor, 0)
        names = [record_of(told.body).order_id]
        events = events_of(cursor, names)
        deciding = cls(tail, rules.at(tail.now), terms, {}, ledger.earlier(cursor, names), events)
        deciding.counts = counts
        books = Books(records_of(cursor, names), waiting_events.of_orders(cursor, names))
        read_holders(cursor, books, events, also=also)
        keep_books(cursor, deciding, books)
        return deciding


def told_of(cursor: Cursor[Any], name: str) -> Told:
    """The record that a person names. Raises ``Unusable`` where there is none."""
    wanted = record_named(name)
    told = None if wanted is None else record(cursor, wanted)
    if told is None:
        raise Unusable("There is no distribution record with this id.")
    return told


@contextmanager
def undecided(
    engine: Database, name: str, find: Callable[[Cursor[Any], UUID], P | None], what: str, shown_by: str, nothing: str
) -> Iterator[tuple[Cursor[Any], P]]:
    """One transaction of a person about a proposal that waits for a decision. Raises ``Unusable`` where it does not.

    ``what`` it is called, which command it is ``shown_by``, and what there is ``nothing`` of where nobody knows it.
    """
    wanted = record_named(name)
    if wanted is None:
        raise Unusable(f"The {what} must be named by its id, as `gatekeeper feed {shown_by}` shows it.")
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        proposal = find(cursor, wanted)
        if proposal is None:
            raise Unusable(f"There is no {nothing} {wanted}.")
        if proposal.decision is not None:
            raise Unusable(f"{what.capitalize()} {wanted} is {proposal.decision} already, by {proposal.decided_by}.")
        yield cursor, proposal

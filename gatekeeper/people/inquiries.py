"""Who asked for what is not for everybody, on record before it is answered: patients' pseudonyms, and rehearsals."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from uuid import UUID, uuid4

from gatekeeper.people.access import Person
from gatekeeper.storage import ledger, tables
from gatekeeper.storage.engine import Database, transaction

Named = tuple[str, str]
"""An order: its wholesaler, and its id."""


@dataclass(frozen=True)
class Inquiry:
    """One call of the API. It names no patient."""

    kind: str
    """``patients``: pseudonyms were shown, or searched for. ``search``: orders were searched for by other things, for a purpose.
    ``rehearsal``: it was asked what the gate would answer. ``export``: a whole list was taken, without pseudonyms.
    ``acknowledgements``: it was said what became of records."""
    operation: str
    purpose: str | None = None
    count: int = 0
    """How many orders, records or acknowledgements it was about; 0 where that was not known beforehand."""
    wholesaler_id: str | None = None
    order_id: str | None = None
    program: str | None = None
    first_sequence: int | None = None
    last_sequence: int | None = None


def record_inquiry(engine: Database, inquiry: Inquiry, person: Person, orders: Iterable[Named] = (), name: UUID | None = None) -> None:
    """Adds it to the ledger, as a block of its own; ``orders`` are those of whose patients it tells, where they are more than one."""
    name = name or uuid4()
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        tail = ledger.read_tail(cursor)
        row = (name, *astuple(inquiry), person.subject, person.name, tail.now, tail.block + 1)
        ledger.add_block(cursor, tail, {tables.INQUIRY: [row], tables.INQUIRED_ORDER: _rows(name, orders, tail.block + 1)})


def record_orders(engine: Database, name: UUID, orders: Iterable[Named]) -> None:
    """Adds more orders of whose patients the inquiry of this name tells, as a block of its own. None of them may be on record before."""
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        tail = ledger.read_tail(cursor)
        ledger.add_block(cursor, tail, {tables.INQUIRED_ORDER: _rows(name, orders, tail.block + 1)})


def _rows(name: UUID, orders: Iterable[Named], block: int) -> list[tuple[UUID, str, str, int]]:
    return [(name, *order, block) for order in sorted(set(orders))]

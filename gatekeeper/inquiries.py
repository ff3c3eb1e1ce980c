"""Who asked for what is not for everybody, on record before it is answered: patients' pseudonyms, and rehearsals."""

from dataclasses import astuple, dataclass
from uuid import uuid4

from gatekeeper.access import Person
from gatekeeper.storage import ledger, tables
from gatekeeper.storage.engine import Database, transaction


@dataclass(frozen=True)
class Inquiry:
    """One call of the API. It names no patient."""

    kind: str
    """``patients``: pseudonyms were shown, or searched for. ``rehearsal``: it was asked what the gate would answer.
    ``export``: a whole list was taken, without pseudonyms. ``acknowledgements``: it was said what became of records."""
    operation: str
    purpose: str | None = None
    count: int = 0
    """How many orders, records or acknowledgements it was about; 0 where that was not known beforehand."""
    wholesaler_id: str | None = None
    order_id: str | None = None
    program: str | None = None
    first_sequence: int | None = None
    last_sequence: int | None = None


def record_inquiry(engine: Database, inquiry: Inquiry, person: Person) -> None:
    """Adds it to the ledger, as a block of its own."""
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        tail = ledger.read_tail(cursor)
        row = (uuid4(), *astuple(inquiry), person.subject, person.name, tail.now, tail.block + 1)
        ledger.add_block(cursor, tail, {tables.INQUIRY: [row]})

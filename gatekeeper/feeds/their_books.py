"""Our records against a list from the REMS: what is missing, unknown, twice, or says something else than ours."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct
from psycopg import Cursor

from gatekeeper.domain.sequences import Range
from gatekeeper.storage import reconciling as storage
from gatekeeper.storage.reconciling import Told

MISSING_THERE = "not in their list"
UNKNOWN_HERE = "in their list and not in our books, by its row"
OUTSIDE = "in their list and of other days"
TWICE = "twice in their list"
SEQUENCE_TWICE = "a sequence that is twice in their list"
DIFFERS = "in their list with another sequence, kind, quantity or lot"
OTHER_SERIALS = "in their list with other serials"
OTHER_PATIENT = "in their list with another patient"
OTHER_STATUS = "in their list with another status"
BETWEEN_SERIALS: Final = "|"


class _Record(Struct):
    kind: str
    quantity: int
    lot: str = ""
    serials: tuple[str, ...] = ()
    patient_id: str = ""


_record = msgspec.json.Decoder(_Record)


def compare(cursor: Cursor[Any], program: str, span: Range, rows: Iterator[Told], differ: Callable[[str, int], None]) -> None:
    """Tells each difference with the sequence of our record, or where we have none with the row of the list. What a list does not say is
    no difference; nothing of what stands in it is told.
    """
    storage.take_theirs(cursor, rows)
    for what, statement, named in (
        (MISSING_THERE, storage.MISSING_THERE, (program, *span)),
        (UNKNOWN_HERE, storage.UNKNOWN_HERE, (program,)),
        (SEQUENCE_TWICE, storage.SEQUENCES_TWICE, ()),
    ):
        for number in storage.sequences(cursor, statement, *named):
            differ(what, number)
    before, told_twice = 0, 0
    for ours, status, body, said in storage.pairs(cursor, program):
        if ours == before and told_twice != ours:
            differ(TWICE, ours)
            told_twice = ours
        elif ours != before and not span.first <= ours <= span.last:
            differ(OUTSIDE, ours)
        before = ours
        for what in _differing(_record.decode(body), status, ours, said):
            differ(what, ours)


def _differing(record: _Record, status: str | None, ours: int, said: tuple[Any, ...]) -> Iterator[str]:
    sequence, kind, quantity, lot, serials, patient, their_status = said
    compared = (sequence, ours), (kind, record.kind), (quantity, record.quantity), (lot, record.lot)
    if any(their is not None and their != own for their, own in compared):
        yield DIFFERS
    if serials is not None and serials != BETWEEN_SERIALS.join(record.serials) and _set_of(serials) != sorted(record.serials):
        yield OTHER_SERIALS
    if patient is not None and patient != record.patient_id:
        yield OTHER_PATIENT
    if their_status is not None and their_status != (status or ""):
        yield OTHER_STATUS


def _set_of(cell: str) -> list[str]:
    return sorted(cell.split(BETWEEN_SERIALS)) if cell else []

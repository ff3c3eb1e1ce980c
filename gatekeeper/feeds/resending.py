"""What was lost on the other side goes out once more, on the word of a person: the same bytes under the same id or number."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from gatekeeper.desk import read_reason
from gatekeeper.domain.acknowledgements import REJECTED
from gatekeeper.domain.ids import resubmission_id
from gatekeeper.domain.sequences import Range
from gatekeeper.errors import Unusable
from gatekeeper.feeds.writing import Written, write_again
from gatekeeper.people.access import Person
from gatekeeper.storage import acknowledgements as storage
from gatekeeper.storage import ledger, tables
from gatekeeper.storage.engine import transaction

MOST_AT_ONCE: Final = 10_000
CHANGEABLE: Final = ("original", "correction")


def resend(engine: Engine, program: str, ranges: Sequence[Range], reason: str, person: Person) -> int:
    """Records by their sequences, on the topic; says how many. They stay the records that they are: nothing new is recorded of any line.

    Raises ``Unusable`` where one does not exist, or was rejected and could be corrected: that is what it needs.
    """
    reason, wanted = read_reason(reason), sum(last - first + 1 for first, last in ranges)
    if wanted > MOST_AT_ONCE:
        raise Unusable(f"At most {MOST_AT_ONCE:,} records are sent again at once; these are {wanted:,}.")
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        tail = ledger.read_tail(cursor)
        block, rows = tail.block + 1, []
        found = {row.sequence: row for first, last in ranges for row in storage.submitted(cursor, program, first, last)}
        for sequence in [number for first, last in ranges for number in range(first, last + 1)]:
            record = found.get(sequence)
            if record is None:
                raise Unusable(f"There is no record of {program} with sequence {sequence}.")
            if record.status == REJECTED and record.kind in CHANGEABLE:
                raise Unusable(f"Record {sequence} of {program} was rejected: it needs a correction (`gatekeeper feed correct`).")
            name = resubmission_id(program, sequence, block)
            rows.append((name, program, sequence, record.record_id, reason, person.subject, tail.now, block))
        ledger.add_block(cursor, tail, {tables.RESUBMISSION: rows}, outbox=[ledger.Outgoing(alert_id=row[0]) for row in rows])
    return len(rows)


def resend_file(engine: Engine, folder: Path, program: str, number: int, reason: str, person: Person) -> Written:
    """A file, to the folder: the same bytes under the same number, and one more acknowledgement of it may come."""
    reason = read_reason(reason)
    written = write_again(engine, folder, program, number)
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        tail = ledger.read_tail(cursor)
        again = storage.file_resubmissions(cursor, program, number) + 1
        row = (program, number, again, reason, person.subject, tail.now, tail.block + 1)
        ledger.add_block(cursor, tail, {tables.FILE_RESUBMISSION: [row]})
    return written

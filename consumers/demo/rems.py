"""A simulated REMS: what a program's administrator does with distribution records, in books of its own.

It knows what goes over the wire and nothing of how the gatekeeper works: it imports ``schemas`` only, so that books which agree say
something. It rejects and loses what it is told to, and acknowledges late, twice and out of order.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from random import Random
from typing import Final, NamedTuple

import msgspec
from msgspec import UNSET

from consumers.demo.rems_files import read_file
from schemas.acknowledgement import Acknowledgement
from schemas.canonical import canonical
from schemas.record import DistributionRecord

Rejects = Callable[[DistributionRecord], str | None]
"""The problem that a REMS sees in a record; None where it sees none."""
STANDING: Final = ("original", "correction")
ENDING: Final = ("void", "correction")
LIST: Final = ("record_id", "sequence", "kind", "quantity", "lot")

_record: Final = msgspec.json.Decoder(DistributionRecord)


class Books(NamedTuple):
    """What distribution comes to: what left and stands, and apart from it what came back."""

    live: dict[str, DistributionRecord]
    """Originals and corrections that no void and no correction names, by their ids."""
    returned: dict[str, DistributionRecord]
    """Returns that no void names."""

    @property
    def vials(self) -> int:
        return sum(record.quantity for record in self.live.values())

    @property
    def vials_returned(self) -> int:
        return sum(record.quantity for record in self.returned.values())

    @property
    def serials(self) -> dict[tuple[str, str], str]:
        """By GTIN and serial, the one live record that has it. Raises ``ValueError`` where two have it."""
        found: dict[tuple[str, str], str] = {}
        for name, record in self.live.items():
            for serial in record.serials or ():
                if found.setdefault((record.product.gtin, serial), name) != name:
                    raise ValueError(f"Serial {serial} of {record.product.gtin} stands in two live records.")
        return found


class Rems:
    """The administrator of one program's REMS.

    Records with the sequences of ``loses`` are lost the first time that they come. With ``chance`` what it has to say is said late,
    twice and out of order; without, once and in order.
    """

    def __init__(
        self, program: str, rejects: Rejects = lambda _: None, *, loses: Collection[int] = (), chance: Random | None = None
    ) -> None:
        self.program, self._rejects, self._loses, self._chance = program, rejects, set(loses), chance
        self.records: dict[str, DistributionRecord] = {}
        self.problems: dict[str, str] = {}
        """Of what was rejected."""
        self.files: list[bytes] = []
        self._came: Counter[int] = Counter()
        self._said: dict[str, bytes] = {}
        self._due: list[bytes] = []

    def take(self, raw: bytes, at: str) -> DistributionRecord:
        """One record of the topic; what it says of it is of the instant ``at``.

        Raises ``ValueError`` where it contradicts what came before: nothing that was sent may ever be another.
        """
        record = _record.decode(raw)
        self._take(record, at)
        return record

    def take_file(self, raw: bytes, at: str) -> int:
        """A file of records, CSV or JSON lines, whole or not at all; gives its number.

        Raises ``ValueError`` where its totals do not fit, it is not the next one, or its number came before with other bytes.
        """
        number, records = read_file(raw, self.program)
        if number > len(self.files) + 1:
            raise ValueError(f"File {number} came, and file {len(self.files) + 1} is missing.")
        if number <= len(self.files) and self.files[number - 1] != raw:
            raise ValueError(f"File {number} came twice, and with other bytes.")
        if number == len(self.files) + 1:
            self.files.append(raw)
        for record in records:
            self._take(record, at)
        return number

    def say(self) -> list[bytes]:
        """What it says now, as messages of ``rems-acknowledgements``."""
        due, self._due = self._due, []
        if self._chance is None:
            return due
        self._chance.shuffle(due)
        late = self._chance.randrange(len(due) + 1)
        twice = [said for said in due[late:] if self._chance.random() < 0.5]
        self._due = [*due[:late], *twice]
        return due[late:]

    @property
    def silent(self) -> bool:
        """Whether it has nothing more to say."""
        return not self._due

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Which sequences are missing below the highest that came, from and to."""
        return _ranges(number for number in range(1, max(self._came, default=0)) if number not in self._came)

    @property
    def repeats(self) -> dict[int, int]:
        """By sequence, how often a record came once more."""
        return {sequence: times - 1 for sequence, times in sorted(self._came.items()) if times > 1}

    @property
    def books(self) -> Books:
        ended = {record.replaces for record in self.records.values() if record.kind in ENDING}
        live = {name: record for name, record in self.records.items() if record.kind in STANDING and name not in ended}
        returned = {name: record for name, record in self.records.items() if record.kind == "return" and name not in ended}
        return Books(live, returned)

    @property
    def uncorrected(self) -> list[int]:
        """The sequences of records that it rejected and that still count."""
        books = self.books
        return sorted(record.sequence for name, record in (books.live | books.returned).items() if name in self.problems)

    def list_of_records(self) -> bytes:
        """Everything that it has, as a CSV list, in the order of its sequences."""
        rows = sorted(self.records.values(), key=lambda record: record.sequence)
        cells = [[row.record_id, row.sequence, row.kind, row.quantity, "" if row.lot is UNSET else row.lot] for row in rows]
        return _csv([list(LIST), *cells])

    def receipts(self) -> bytes:
        """What it says now, as a CSV file of receipts."""
        said = [msgspec.json.decode(each) for each in self.say()]
        names = Acknowledgement.__struct_fields__
        return _csv([list(names), *[[each.get(name, "") for name in names] for each in said]])

    def _take(self, record: DistributionRecord, at: str) -> None:
        if record.program != self.program:
            raise ValueError(f"A record of {record.program} came to {self.program}.")
        if record.sequence in self._loses:
            self._loses.remove(record.sequence)
            return
        known = self.records.get(record.record_id)
        if known is None and record.sequence in self._came:
            raise ValueError(f"Sequence {record.sequence} is of two records.")
        if known is not None and known != record:
            raise ValueError(f"Record {record.record_id} came twice, and says something else.")
        if known is None and (problem := self._rejects(record)) is not None:
            self.problems[record.record_id] = problem
        self._came[record.sequence] += 1
        self.records[record.record_id] = record
        self._due.append(self._said.setdefault(record.record_id, self._acknowledged(record, at)))

    def _acknowledged(self, record: DistributionRecord, at: str) -> bytes:
        problem = self.problems.get(record.record_id)
        if problem is None:
            said = Acknowledgement(record_id=record.record_id, status="accepted", receipt=f"R-{record.sequence:06}", at=at)
        else:
            said = Acknowledgement(record_id=record.record_id, status="rejected", problem=problem, at=at)
        return canonical(said)


def _ranges(numbers: Iterator[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = ranges[-1][0], number
        else:
            ranges.append((number, number))
    return ranges


def _csv(rows: list[list[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()

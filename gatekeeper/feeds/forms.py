"""The bytes of a file, from the records in it: CSV and JSON lines. Pure; the same file has the same bytes, always."""

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Container, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from gatekeeper.feeds.layout import Layout
from gatekeeper.feeds.members import Reader, decode
from gatekeeper.messages import written
from schemas.record import DistributionRecord

BETWEEN_SERIALS = "|"
"""No serial holds it."""


class File(NamedTuple):
    """Which file of a program it is, and which records are in it."""

    program: str
    number: int
    made_at: datetime
    first: int
    """The sequence of its first record."""
    last: int

    @property
    def records(self) -> int:
        return self.last - self.first + 1


class Form(ABC):
    """One file as it is written: ``begin``, ``add`` as often as there are parts of the records, ``end``."""

    def __init__(self, file: File, layout: Layout) -> None:
        self._file, self._layout = file, layout
        self.records, self.quantity = 0, 0
        """The control totals of what was added."""
        self._void_returns: Container[int] = ()
        """Of what is added, the sequences of voids that are about a return."""

    @abstractmethod
    def begin(self) -> bytes:
        """What stands before the first record."""

    def add(self, bodies: Sequence[bytes], void_returns: Container[int] = ()) -> bytes:
        """The next records, which the ledger has with these bodies; those with the sequences of ``void_returns`` void a return."""
        self._void_returns = void_returns
        records = [decode(body) for body in bodies]
        self.records += len(records)
        self.quantity += sum([record.quantity for record in records])
        return self._written(records, bodies)

    @abstractmethod
    def end(self) -> bytes:
        """What stands after the last record: the control totals."""

    @abstractmethod
    def _written(self, records: Sequence[DistributionRecord], bodies: Sequence[bytes]) -> bytes: ...

    def _reader(self) -> Reader:
        layout = self._layout
        members = [column.member for column in layout.columns]
        return Reader(members, layout.days, layout.ndc_digits, ndc_hyphens=layout.ndc_hyphens)


class CsvForm(Form):
    """RFC 4180, UTF-8: a row of names, a row a record, and a last row whose first cell is ``TOTAL``."""

    def begin(self) -> bytes:
        self._read = self._reader().read
        members = [column.member for column in self._layout.columns]
        self._lists = [place for place, member in enumerate(members) if member == "serials"]
        self._truths = [place for place, member in enumerate(members) if member == "outside_gate"]
        return _rows([[column.name for column in self._layout.columns]])

    def _written(self, records: Sequence[DistributionRecord], bodies: Sequence[bytes]) -> bytes:  # noqa: ARG002
        return _rows([self._row(record) for record in records])

    def _row(self, record: DistributionRecord) -> list[Any]:
        values = self._read(record)
        for place in self._lists:
            values[place] = BETWEEN_SERIALS.join(values[place] or ())
        for place in self._truths:
            values[place] = "true" if values[place] else None
        return values

    def end(self) -> bytes:
        file = self._file
        told = {"file": file.number, "first": file.first, "last": file.last, "records": self.records, "quantity": self.quantity}
        cells = ["TOTAL", *(f"{name}={value}" for name, value in told.items())]
        return _rows([[*cells, *[""] * (len(self._layout.columns) - len(cells))]])


class JsonLinesForm(Form):
    """UTF-8, a JSON object a line: the file, then its records, and last its control totals."""

    def begin(self) -> bytes:
        file, self._read = self._file, self._reader().read
        said = {"file": file.number, "program": file.program, "layout": self._layout.version, "made_at": written(file.made_at)}
        return _line(said | {"first": file.first, "last": file.last})

    def _written(self, records: Sequence[DistributionRecord], bodies: Sequence[bytes]) -> bytes:
        if not self._layout.columns:
            return b"".join([body + b"\n" for body in bodies])
        names = [column.name for column in self._layout.columns]
        return b"".join([_line(dict(zip(names, self._read(record), strict=True))) for record in records])

    def end(self) -> bytes:
        return _line({"total": {"records": self.records, "quantity": self.quantity}})


def _rows(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _line(said: dict[str, Any]) -> bytes:
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"

"""A snapshot of a registry, from a file: loaded whole or not at all.

Here are the guards that need no ledger: what the file must say of itself (contract section 4). ``facts`` gives one
fact after the other, so a caller holds no more than it wants to; it raises ``Unusable`` where the file breaks a rule,
at the latest at its end. Until it is exhausted, nothing of the file may count.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from gatekeeper.errors import Unusable
from gatekeeper.instants import instant_of
from gatekeeper.lines import message_of, open_file, read_lines
from schemas.fact import Fact, Heartbeat, RecallFact, SnapshotHeader
from schemas.reading import Unreadable, read_fact, read_header

AHEAD_AT_MOST = timedelta(minutes=5)
"""How far ahead of the clock an ``as_of`` may be."""

_CSV_COLUMNS = frozenset(
    {"fact", "program", "sequence", "effective_on", "site_id", "class", "status", "certified_on", "valid_through", "name"}
    | {"address.street", "address.street2", "address.city", "address.state", "address.postal_code"}
    | {"identifiers.npi", "identifiers.dea", "identifiers.ncpdp_id", "identifiers.hin", "identifiers.gln", "identifiers.account"}
    | {"authorized_representative"}
)


class Snapshot(NamedTuple):
    """``facts`` can be gone through once."""

    header: SnapshotHeader | None
    facts: Iterator[Fact]


@contextmanager
def open_snapshot(path: Path, at: datetime) -> Iterator[Snapshot]:
    """A snapshot file, newline-delimited JSON, with its header line or without one; ``at`` is the clock."""
    with open_file(path) as file:
        numbered = enumerate(read_lines(file, path), 1)
        number, first = next(numbered, (1, b""))
        digest = hashlib.sha256()
        if not _is_header(first):
            lines = _chained((number, first), numbered)
            yield Snapshot(None, _without_header(path, lines))
            return
        header = read_header(first.removesuffix(b"\n"))
        if isinstance(header, Unreadable):
            raise _unreadable(path, number, header)
        _refuse_future(path, header, at)
        yield Snapshot(header, _checked(path, _facts(path, numbered, digest.update), header, digest.hexdigest))


@contextmanager
def open_csv(path: Path, header: SnapshotHeader, at: datetime) -> Iterator[Snapshot]:
    """A snapshot of sites as CSV, one row a site. The header's digest is of the whole file; it covers sites only."""
    _refuse_future(path, header, at)
    sites_only = replace(header, covers=("site",))
    with open_file(path) as file:
        digest = hashlib.sha256()
        yield Snapshot(sites_only, _checked(path, _rows(path, file, header.snapshot, digest.update), sites_only, digest.hexdigest))


def _is_header(line: bytes) -> bool:
    if b'"snapshot"' not in line:
        return False
    try:
        document = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(document, dict) and "snapshot" in document


def _chained(first: tuple[int, bytes], rest: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    yield first
    yield from rest


def _facts(path: Path, lines: Iterator[tuple[int, bytes]], digest: Callable[[bytes], None]) -> Iterator[tuple[int, Fact]]:
    for number, line in lines:
        digest(line)
        message = message_of(line)
        if message is None:
            continue
        fact = read_fact(message)
        if isinstance(fact, Unreadable):
            raise _unreadable(path, number, fact)
        yield number, fact


def _without_header(path: Path, lines: Iterator[tuple[int, bytes]]) -> Iterator[Fact]:
    contradictions = _Contradictions(path)
    for number, fact in _facts(path, lines, lambda _: None):
        contradictions.refuse(number, fact)
        yield fact


def _checked(path: Path, facts: Iterator[tuple[int, Fact]], header: SnapshotHeader, digest: Callable[[], str]) -> Iterator[Fact]:
    contradictions = _Contradictions(path)
    covered = None if header.covers is UNSET else frozenset(header.covers)
    count = 0
    for number, fact in facts:
        count += 1
        if fact.program != header.snapshot:
            raise Unusable(f"{path}, line {number}: the fact is of another program than the snapshot.")
        if fact.sequence > header.sequence:
            raise Unusable(f"{path}, line {number}: the fact's sequence {fact.sequence} is above the snapshot's, {header.sequence}.")
        if covered is not None and fact.__struct_config__.tag not in covered:
            raise Unusable(f"{path}, line {number}: the snapshot does not cover facts of this kind.")
        contradictions.refuse(number, fact)
        yield fact
    if count != header.facts:
        raise Unusable(f"{path}: the header tells of {header.facts} facts, the file has {count}.")
    if digest() != header.sha256:
        raise Unusable(f"{path}: the digest in the header is not that of the file.")


class _Contradictions:
    """Refuses two facts that agree in subject, ``effective_on`` and ``sequence`` but not in the rest.

    It remembers 64-bit hashes, not facts: a snapshot has hundreds of thousands.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: dict[int, int] = {}

    def refuse(self, number: int, fact: Fact) -> None:
        if isinstance(fact, Heartbeat):
            return
        whole = hash((type(fact), fact))
        if self._seen.setdefault(hash((type(fact), fact.program, _subject(fact), fact.effective_on, fact.sequence)), whole) != whole:
            raise Unusable(f"{self._path}, line {number}: an earlier fact of this subject, day and sequence says something else.")


def _subject(fact: Any) -> tuple[str, ...]:
    if isinstance(fact, RecallFact):
        return (fact.ndc, fact.lot)
    for member in ("site_id", "authorization_id", "patient_id", "prescriber_id"):
        if hasattr(fact, member):
            return (getattr(fact, member),)
    return ()


def _rows(path: Path, file: BinaryIO, program: str, digest: Callable[[bytes], None]) -> Iterator[tuple[int, Fact]]:
    rows = csv.reader(_text(path, file, digest), strict=True)
    try:
        columns = next(rows, [])
        _refuse_columns(path, columns)
        for row in rows:
            if not row:
                continue
            if len(row) != len(columns):
                raise Unusable(f"{path}, line {rows.line_num}: the row has {len(row)} columns, not {len(columns)}.")
            fact = read_fact(msgspec.json.encode(_document(dict(zip(columns, row, strict=True)), program)))
            if isinstance(fact, Unreadable):
                raise _unreadable(path, rows.line_num, fact)
            yield rows.line_num, fact
    except csv.Error:
        raise Unusable(f"{path}, line {rows.line_num}: this is not CSV.") from None


def _text(path: Path, file: BinaryIO, digest: Callable[[bytes], None]) -> Iterator[str]:
    for number, line in enumerate(read_lines(file, path), 1):
        digest(line)
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise Unusable(f"{path}, line {number}: this is not UTF-8.") from None


def _refuse_columns(path: Path, columns: Iterable[str]) -> None:
    names = list(columns)
    if len(set(names)) != len(names):
        raise Unusable(f"{path}: a column stands twice.")
    unknown = [number for number, name in enumerate(names, 1) if name not in _CSV_COLUMNS]
    if unknown:
        raise Unusable(f"{path}: column {unknown[0]} is not a member of a site fact.")


def _document(row: dict[str, str], program: str) -> dict[str, Any]:
    """The fact that a row writes; an empty cell is not given."""
    document: dict[str, Any] = {"fact": "site", "program": program}
    for column, cell in row.items():
        if not cell:
            continue
        outer, _, inner = column.partition(".")
        value: Any = cell
        if column == "sequence" and cell.isascii() and cell.isdigit() and len(cell) <= 10:
            value = int(cell)
        elif outer == "identifiers":
            value = cell.split("|")
        if inner:
            document.setdefault(outer, {})[inner] = value
        else:
            document[outer] = value
    return document


def _refuse_future(path: Path, header: SnapshotHeader, at: datetime) -> None:
    if instant_of(header.as_of) > at + AHEAD_AT_MOST:
        raise Unusable(f"{path}: the snapshot is of the future, as of {header.as_of}.")


def _unreadable(path: Path, number: int, unreadable: Unreadable) -> Unusable:
    pointer, sentences = next(iter(unreadable.problems.items()))
    return Unusable(f"{path}, line {number}, cannot be read: {pointer or 'the whole line'}: {sentences[0]}")

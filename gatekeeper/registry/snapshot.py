"""A snapshot of a registry, from a file: loaded whole or not at all.

Here are the guards that need no ledger: what the file must say of itself (contract section 4). ``facts`` gives one
fact after the other, so a caller holds no more than it wants to; it raises ``Unusable`` where the file breaks a rule,
at the latest at its end. Until it is exhausted, nothing of the file may count.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from stat import S_IFREG, S_ISDIR, S_ISREG
from typing import Any, BinaryIO, NamedTuple

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from gatekeeper.errors import Unusable
from gatekeeper.instants import instant_of
from gatekeeper.lines import message_of, open_file, read_lines
from gatekeeper.registry.site_rows import rows_of, unreadable
from schemas.fact import Fact, Heartbeat, RecallFact, SnapshotHeader
from schemas.reading import Unreadable, read_fact, read_header

AHEAD_AT_MOST = timedelta(minutes=5)
"""How far ahead of the clock an ``as_of`` may be."""


class Snapshot(NamedTuple):
    """``facts`` can be gone through once."""

    header: SnapshotHeader | None
    facts: Iterator[Fact]


@contextmanager
def open_snapshot(path: Path, at: datetime) -> Iterator[Snapshot]:
    """A snapshot file, newline-delimited JSON, with its header line or without one; ``at`` is the clock."""
    with open_file(path) as file:
        yield read_snapshot(file, path, at)


@contextmanager
def open_snapshot_file(path: Path) -> Iterator[BinaryIO]:
    """The file, to be read more than once.

    Not a pipe: that could be read once only, and opening it may never end, while one import waits for the other.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        mode = S_IFREG  # whoever opens it says why
    if not (S_ISREG(mode) or S_ISDIR(mode)):
        raise Unusable(f"{path} is a pipe or a device: a snapshot must be a file, for it is read more than once.")
    with open_file(path) as file:
        yield file


def read_snapshot(file: BinaryIO, name: object, at: datetime) -> Snapshot:
    """As ``open_snapshot``, of an open file that is called ``name``."""
    numbered = enumerate(read_lines(file, name), 1)
    number, first = next(numbered, (1, b""))
    digest = hashlib.sha256()
    if not _is_header(first):
        return Snapshot(None, _without_header(name, _chained((number, first), numbered)))
    header = read_header(first.removesuffix(b"\n"))
    if isinstance(header, Unreadable):
        raise unreadable(name, number, header)
    _refuse_future(name, header, at)
    return Snapshot(header, _checked(name, _facts(name, numbered, digest.update), header, digest.hexdigest))


def read_csv(file: BinaryIO, name: object, header: SnapshotHeader, at: datetime) -> Snapshot:
    """A snapshot of sites as CSV, one row a site, of an open file that is called ``name``.

    The header's digest is of the whole file; it covers sites only.
    """
    _refuse_future(name, header, at)
    sites_only = replace(header, covers=("site",))
    digest = hashlib.sha256()
    return Snapshot(sites_only, _checked(name, rows_of(file, name, header.snapshot, digest.update), sites_only, digest.hexdigest))


def header_of(file: BinaryIO) -> SnapshotHeader | None:
    """The header line with which the file begins; None where it has none that can be read."""
    first = next(read_lines(file, "The file"), b"")
    header = read_header(first.removesuffix(b"\n")) if _is_header(first) else None
    return header if isinstance(header, SnapshotHeader) else None


def _is_header(line: bytes) -> bool:
    try:
        document = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(document, dict) and "snapshot" in document


def _chained(first: tuple[int, bytes], rest: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    yield first
    yield from rest


def _facts(name: object, lines: Iterator[tuple[int, bytes]], digest: Callable[[bytes], None]) -> Iterator[tuple[int, Fact]]:
    for number, line in lines:
        digest(line)
        message = message_of(line)
        if message is None:
            continue
        fact = read_fact(message)
        if isinstance(fact, Unreadable):
            raise unreadable(name, number, fact)
        yield number, fact


def _without_header(name: object, lines: Iterator[tuple[int, bytes]]) -> Iterator[Fact]:
    contradictions = _Contradictions(name)
    for number, fact in _facts(name, lines, lambda _: None):
        contradictions.refuse(number, fact)
        yield fact


def _checked(name: object, facts: Iterator[tuple[int, Fact]], header: SnapshotHeader, digest: Callable[[], str]) -> Iterator[Fact]:
    contradictions = _Contradictions(name)
    covered = None if header.covers is UNSET else frozenset(header.covers)
    count = 0
    for number, fact in facts:
        count += 1
        if count > header.facts:
            raise Unusable(f"{name}: the header tells of {header.facts} facts, the file has more.")
        if fact.program != header.snapshot:
            raise Unusable(f"{name}, line {number}: the fact is of another program than the snapshot.")
        if fact.sequence > header.sequence:
            raise Unusable(f"{name}, line {number}: the fact's sequence {fact.sequence} is above the snapshot's, {header.sequence}.")
        if covered is not None and fact.__struct_config__.tag not in covered:
            raise Unusable(f"{name}, line {number}: the snapshot does not cover facts of this kind.")
        contradictions.refuse(number, fact)
        yield fact
    if count != header.facts:
        raise Unusable(f"{name}: the header tells of {header.facts} facts, the file has {count}.")
    if digest() != header.sha256:
        raise Unusable(f"{name}: the digest in the header is not that of the file.")


class _Contradictions:
    """Refuses two facts that agree in subject, ``effective_on`` and ``sequence`` but not in the rest.

    It remembers 64-bit hashes, not facts: a snapshot has hundreds of thousands.
    """

    def __init__(self, name: object) -> None:
        self._name = name
        self._seen: dict[int, int] = {}

    def refuse(self, number: int, fact: Fact) -> None:
        if isinstance(fact, Heartbeat):
            return
        whole = hash((type(fact), fact))
        if self._seen.setdefault(hash((type(fact), fact.program, _subject(fact), fact.effective_on, fact.sequence)), whole) != whole:
            raise Unusable(f"{self._name}, line {number}: an earlier fact of this subject, day and sequence says something else.")


def _subject(fact: Any) -> tuple[str, ...]:
    if isinstance(fact, RecallFact):
        return (fact.ndc, fact.lot)
    for member in ("site_id", "authorization_id", "patient_id", "prescriber_id"):
        if hasattr(fact, member):
            return (getattr(fact, member),)
    return ()


def _refuse_future(name: object, header: SnapshotHeader, at: datetime) -> None:
    if instant_of(header.as_of) > at + AHEAD_AT_MOST:
        raise Unusable(f"{name}: the snapshot is of the future, as of {header.as_of}.")

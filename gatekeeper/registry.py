"""Snapshots into the ledger: loaded whole or not at all, while the consumers go on.

A verdict that commits after a load has committed obeys it, on every process; a load that is refused leaves the registry as it was.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any, Final, NamedTuple, Protocol, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import UNSET
from psycopg import Cursor
from sqlalchemy import Engine

from gatekeeper.alerts import registry_alert
from gatekeeper.domain.program import Program
from gatekeeper.errors import Unusable
from gatekeeper.instants import instant_of
from gatekeeper.lines import open_file
from gatekeeper.snapshot import AHEAD_AT_MOST, Snapshot
from gatekeeper.storage import ledger, tables
from gatekeeper.storage import registry as held
from gatekeeper.storage.chain import facts_digest
from gatekeeper.storage.engine import transaction
from schemas.canonical import canonical
from schemas.fact import (
    AuthorizationFact,
    Fact,
    FactKind,
    Heartbeat,
    PatientFact,
    PrescriberFact,
    ProgramFact,
    RecallFact,
    SiteFact,
    SnapshotHeader,
)

ALL_KINDS: Final[tuple[str, ...]] = get_args(FactKind)
SUBJECT: Final[Mapping[type, Callable[[Any], str]]] = {
    SiteFact: attrgetter("site_id"),
    PatientFact: attrgetter("patient_id"),
    PrescriberFact: attrgetter("prescriber_id"),
    AuthorizationFact: attrgetter("authorization_id"),
    RecallFact: attrgetter("lot"),
    ProgramFact: attrgetter("program"),
}
"""Under what a fact is looked up (the questions of ``gatekeeper.domain.case``)."""


class Loaded(NamedTuple):
    """What a load did."""

    version: int
    program: str
    sequence: int
    as_of: datetime
    facts: int
    difference: held.Difference
    certified: held.Certified


class Watcher(Protocol):
    """Whoever wants to see how far a load is."""

    def reading(self, facts: Iterable[Fact], total: int) -> Iterable[Fact]:
        """Gives the facts on, and counts them."""

    def step(self, words: str) -> None:
        """Another step begins."""


class Terms(NamedTuple):
    """What a load is judged by."""

    programs: tuple[Program, ...]
    loss_percent: int
    """More of the certified sites than this must not vanish or lose certification."""

    def zone(self, program: str) -> ZoneInfo:
        """Where the program's days begin; UTC where it has no rules here."""
        return ZoneInfo(next((rules.time_zone for rules in self.programs if rules.name == program), "UTC"))


def import_file(
    engine: Engine, path: Path, opened: Callable[[datetime], AbstractContextManager[Snapshot]], terms: Terms, watcher: Watcher
) -> Loaded:
    """Loads the snapshot of ``path``, which ``opened`` reads when given the instant (of the database's clock).

    Raises ``Unusable`` where the snapshot is refused: the registry is as it was, and an alert says why. Killed at any moment, it
    leaves all of the snapshot or nothing.
    """
    _refuse_stream(path)
    with open_file(path):
        program = None
    try:
        with transaction(engine) as cursor:
            watcher.step("Waiting for its turn")
            held.begin(cursor)
            at = held.now(cursor)
            with opened(at) as snapshot:
                header = _header(path, snapshot)
                program = header.snapshot
                loaded = _load(cursor, path, header, _Facts(snapshot.facts, header, at), terms, watcher)
    except Unusable as refused:
        known = program if any(rules.name == program for rules in terms.programs) else None
        _raise_alert(engine, path, known, str(refused))
        raise
    watcher.step("Gathering statistics")
    with transaction(engine) as cursor:
        held.gather_statistics(cursor)
    return loaded


def _refuse_stream(path: Path) -> None:
    """A pipe could be read once only, and opening it may never end; one import waits for the other."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return  # whoever opens it says why
    if not (S_ISREG(mode) or S_ISDIR(mode)):
        raise Unusable(f"{path} is a pipe or a device: a snapshot must be a file, for it is read more than once.")


class _Facts:
    """The facts of a snapshot as they are held; when all were given, ``as_of`` is the latest instant at which it was right."""

    def __init__(self, facts: Iterable[Fact], header: SnapshotHeader, at: datetime) -> None:
        self.facts = facts
        self.as_of = instant_of(header.as_of)
        self._latest_usable = at + AHEAD_AT_MOST

    def arriving(self, watcher: Watcher, total: int) -> Iterator[held.Arriving]:
        for fact in watcher.reading(self.facts, total):
            if isinstance(fact, Heartbeat):
                as_of = instant_of(fact.as_of)
                if self.as_of < as_of <= self._latest_usable:
                    self.as_of = as_of
            else:
                kind = type(fact)
                yield held.Arriving(str(kind.__struct_config__.tag), SUBJECT[kind](fact), fact.sequence, fact.effective_on, canonical(fact))


def _header(path: Path, snapshot: Snapshot) -> SnapshotHeader:
    if snapshot.header is None:
        raise Unusable(f"{path} has no header line, so nobody can tell whether it is whole.")
    return snapshot.header


def _load(cursor: Cursor[Any], path: Path, header: SnapshotHeader, facts: _Facts, terms: Terms, watcher: Watcher) -> Loaded:
    program, as_of = header.snapshot, instant_of(header.as_of)
    covers = ALL_KINDS if header.covers is UNSET else header.covers
    day = as_of.astimezone(terms.zone(program)).date()
    _refuse_earlier(path, header, held.last_sequence(cursor, program))
    held.receive(cursor, facts.arriving(watcher, header.facts))
    watcher.step("Comparing with what is held")
    load = held.next_load(cursor)
    difference, certified = held.add_difference(cursor, load, program, header.sequence, day, covers)
    if certified.lost * 100 > terms.loss_percent * certified.before:
        raise Unusable(
            f"{path}: {certified.lost} of the {certified.before} sites that are certified would vanish or lose certification, "
            f"more than {terms.loss_percent} percent: a person must confirm that first."
        )
    watcher.step("Sealing")
    digest = facts_digest(held.rows_of_load(cursor.connection, load))
    tail = held.lock_ledger(cursor)
    _refuse_earlier(path, header, held.last_sequence(cursor, program))
    version = tail.registry_version + 1
    said = (program, header.sequence, as_of, day, facts.as_of, covers, header.facts, header.sha256)
    row = (load, version, *said, digest, tail.now, tail.block + 1)
    ledger.add_block(cursor, tail, {tables.REGISTRY_LOAD: [row]}, examination=tail.examination, registry_version=version)
    held.freshen(cursor, program, facts.as_of)
    return Loaded(version, program, header.sequence, facts.as_of, header.facts, difference, certified)


def _refuse_earlier(path: Path, header: SnapshotHeader, last: int) -> None:
    if header.sequence <= last:
        raise Unusable(f"{path}: the snapshot's sequence {header.sequence} is not above {last}, that of the last one loaded.")


def _raise_alert(engine: Engine, path: Path, program: str | None, sentence: str) -> None:
    """In a transaction of its own, for that of the load left nothing."""
    digest = _digest(path)
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        tail = ledger.read_tail(cursor)
        name, body = registry_alert(tail.now, program, digest, sentence)
        alert_id = UUID(name)
        if not held.has_alert(cursor, alert_id):
            row = (alert_id, "registry_refused", None, body, tail.block + 1)
            ledger.add_block(cursor, tail, {tables.ALERT: [row]}, examination=tail.examination, registry_version=tail.registry_version)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with open_file(path) as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}.") from None
    return digest.hexdigest()

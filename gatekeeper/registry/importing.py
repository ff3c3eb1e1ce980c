"""Snapshots into the ledger: loaded whole or not at all, while the consumers go on.

A verdict that commits after a load has committed obeys it, on every process; a load that is refused leaves the registry as it was.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, Protocol, get_args
from zoneinfo import ZoneInfo

from msgspec import UNSET
from psycopg import Cursor
from sqlalchemy import Engine, Table

from gatekeeper.clock import now
from gatekeeper.config import Settings
from gatekeeper.domain.program import Program
from gatekeeper.domain.sequences import Range, Sequences
from gatekeeper.errors import Unusable
from gatekeeper.instants import instant_of
from gatekeeper.people.approvals import SNAPSHOT, approval_row
from gatekeeper.registry import refused_files
from gatekeeper.registry.hearing import Told, hear, limits_of
from gatekeeper.registry.refused_files import Confirmation, Judged, Loss, Offered
from gatekeeper.registry.snapshot import AHEAD_AT_MOST, Snapshot, open_snapshot_file, read_csv, read_snapshot
from gatekeeper.registry.taking_back import takes_back
from gatekeeper.rules import RuleBook
from gatekeeper.storage import differences, ledger, tables
from gatekeeper.storage import registry as held
from gatekeeper.storage.certified import Certified
from gatekeeper.storage.chain import FactsDigest
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.moving import follow, follow_first
from gatekeeper.storage.refused_files import confirmed_by
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

MOST_SETTLED_LAST: Final = 1000
"""About so many facts that were told meanwhile may be settled while everybody waits."""


class Loaded(NamedTuple):
    """What a load did."""

    version: int
    program: str
    sequence: int
    as_of: datetime
    facts: int
    difference: held.Difference
    certified: Certified


Then = Callable[[Cursor[Any], Loaded], None]
"""What is done in the transaction of a load, once all else of it is."""


class Compared(NamedTuple):
    """What an import would do."""

    header: SnapshotHeader | None
    changes: differences.Changes | None
    """What it would change; None where the file says nothing that could be compared."""
    refused: str | None
    """Why it would be refused; None where it would not."""


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
    most_kept: int = 512 << 20
    """Of a refused file of more bytes only the beginning is kept."""

    @classmethod
    def of(cls, settings: Settings) -> "Terms":
        """As the settings say, with the rules in force now."""
        programs = RuleBook.read(settings.programs, settings.programs_added).known(now())
        return cls(programs, settings.registry_loss_percent, settings.refused_file_mib << 20)

    def zone(self, program: str) -> ZoneInfo:
        """Where the program's days begin; UTC where it has no rules here."""
        return zone_of(self.programs, program)

    def rules(self, program: str) -> Program | None:
        """By which sites may receive; None where the program has no rules here."""
        return next((rules for rules in self.programs if rules.name == program), None)


def zone_of(programs: Iterable[Program], name: str) -> ZoneInfo:
    """Where the days of a program begin; UTC where it has no rules here."""
    return ZoneInfo(next((rules.time_zone for rules in programs if rules.name == name), "UTC"))


def import_file(engine: Engine, path: Path, terms: Terms, watcher: Watcher, offered: Offered = refused_files.UNNAMED) -> Loaded:
    """Loads the snapshot of ``path``.

    Raises ``Unusable`` where the snapshot is refused: the registry is as it was, the file is kept, and an alert says why. Killed at any
    moment, it leaves all of the snapshot or nothing.
    """
    with open_snapshot_file(path) as file:
        judged = Judged(file, path)
        try:
            return load_file(engine, judged.once(), path, offered.said, terms, watcher)
        except Unusable as refused:
            programs = frozenset(rules.name for rules in terms.programs)
            sentence = refused_files.keep(engine, judged, offered, refused, programs, terms.most_kept)
            raise Unusable(sentence) from None


def load_file(
    engine: Engine, file: BinaryIO, name: object, said: SnapshotHeader | None, terms: Terms, watcher: Watcher,
    confirmation: Confirmation | None = None, then: Then | None = None,
) -> Loaded:  # fmt: skip
    """Loads the snapshot of an open file that is called ``name``; ``said`` is in place of the header line, of CSV.

    With a ``confirmation`` it may lose the sites that it was refused for. What ``then`` does is done with the load, or neither is.
    """
    watcher.step("Waiting for its turn")
    with transaction(engine) as cursor:
        held.begin(cursor)
        if confirmation is not None and (by := confirmed_by(cursor, confirmation.sha256)) is not None:
            raise Unusable(f"{name} was confirmed already, by {by}, and loaded then.")
        at = held.now(cursor)
        snapshot = read_snapshot(file, name, at) if said is None else read_csv(file, name, said, at)
        header = _header(name, snapshot)
        loaded = _load(engine, cursor, name, header, _Facts(snapshot.facts, header, at), terms, watcher, confirmation)
        if then is not None:
            then(cursor, loaded)
    watcher.step("Gathering statistics")
    with transaction(engine) as cursor:
        held.gather_statistics(cursor)
    return loaded


def compare_file(engine: Engine, path: Path, said: SnapshotHeader | None, terms: Terms, watcher: Watcher, first: int) -> Compared:
    """What an import of the snapshot would change, with the ``first`` sites of each change. It changes nothing, and nobody waits for it."""
    with open_snapshot_file(path) as file:
        try:
            with transaction(engine) as cursor:
                held.begin_comparing(cursor)
                at = held.now(cursor)
                snapshot = read_snapshot(file, path, at) if said is None else read_csv(file, path, said, at)
                header = _header(path, snapshot)
                last = held.last_sequence(cursor, header.snapshot)
                _refuse_earlier(path, header, last)
                held.receive(cursor, _Facts(snapshot.facts, header, at).arriving(watcher, header.facts))
                watcher.step("Comparing with what is held")
                covers = ALL_KINDS if header.covers is UNSET else header.covers
                day, counted_on = _days(header, at, terms)
                changes = differences.compare(
                    cursor, header.snapshot, header.sequence, day, counted_on, covers, terms.rules(header.snapshot), first
                )
        except Unusable as refused:
            return Compared(None, None, str(refused))
    try:
        refused_files.refuse_loss(path, changes.lost, last, terms.loss_percent)
    except Loss as refused:
        return Compared(header, changes, f"{refused}: another person must confirm it.")
    return Compared(header, changes, None)


class _Facts:
    """The facts of a snapshot as they are held; when all were given, ``as_of`` is the latest instant at which it was right."""

    def __init__(self, facts: Iterable[Fact], header: SnapshotHeader, at: datetime) -> None:
        self.facts = facts
        self.as_of = instant_of(header.as_of)
        self.at = at

    def arriving(self, watcher: Watcher, total: int) -> Iterator[held.Arriving]:
        for fact in watcher.reading(self.facts, total):
            if isinstance(fact, Heartbeat):
                as_of = instant_of(fact.as_of)
                if self.as_of < as_of <= self.at + AHEAD_AT_MOST:
                    self.as_of = as_of
            else:
                kind = type(fact)
                yield held.Arriving(str(kind.__struct_config__.tag), SUBJECT[kind](fact), fact.sequence, fact.effective_on, canonical(fact))


def _header(name: object, snapshot: Snapshot) -> SnapshotHeader:
    if snapshot.header is None:
        raise Unusable(f"{name} has no header line, so nobody can tell whether it is whole.")
    return snapshot.header


def _load(
    engine: Engine, cursor: Cursor[Any], name: object, header: SnapshotHeader, facts: _Facts, terms: Terms, watcher: Watcher,
    confirmation: Confirmation | None,
) -> Loaded:  # fmt: skip
    program, as_of = header.snapshot, instant_of(header.as_of)
    covers = ALL_KINDS if header.covers is UNSET else header.covers
    day, counted_on = _days(header, facts.at, terms)
    last = held.last_sequence(cursor, program)
    _refuse_earlier(name, header, last)
    held.receive(cursor, facts.arriving(watcher, header.facts))
    watcher.step("Comparing with what is held")
    load = held.Load(_next_load(engine), program, header.sequence, day, list(covers))
    flush = partial(_write_through, engine)
    difference, lost = held.add_difference(cursor, load, counted_on, terms.rules(program), flush)
    if confirmation is None:
        refused_files.refuse_loss(name, lost, last, terms.loss_percent)
    else:
        refused_files.refuse_other_loss(name, lost, last, confirmation.seen)
    first = takes_back(cursor, load.load, lost.sites)
    watcher.step("Sealing")
    if set(covers) == set(ALL_KINDS):
        told = Told(Sequences([Range(1, header.sequence)]), as_of=facts.as_of, whole=True)
    else:
        told = Told(as_of=facts.as_of, filled=held.sequences(cursor))
    meanwhile, _ = held.Meanwhile(load, load.load).settle(cursor)
    digest = FactsDigest()
    digest.add(held.rows_of_load(cursor.connection, load.load))
    settled: list[Any] = [None]
    while settled:
        meanwhile, settled = meanwhile.settle(cursor, MOST_SETTLED_LAST)
        digest.add(settled)
    watcher.step("Switching")
    flush()
    tail = held.lock_ledger(cursor)
    _refuse_earlier(name, header, held.last_sequence(cursor, program))
    digest.add(meanwhile.settle(cursor)[1])
    version = tail.registry_version + 1
    said = (program, header.sequence, as_of, day, facts.as_of, covers, header.facts, header.sha256)
    row = (load.load, version, *said, digest.digest(), tail.now, tail.block + 1)
    rows: dict[Table, list[Any]] = {tables.REGISTRY_LOAD: [row]}
    if confirmation is not None:
        confirmed = (confirmation.sha256, confirmation.person.subject, confirmation.reason)
        rows[tables.FILE_CONFIRMATION] = [(*confirmed, tail.now, tail.block + 1)]
        rows[tables.APPROVAL] = [approval_row(SNAPSHOT, confirmation.sha256, confirmation.person, tail.now, tail.block + 1)]
    ledger.add_block(cursor, tail, rows, examination=tail.examination, registry_version=version)
    follow_first(cursor, tail.examination, first)
    follow(cursor, "snapshot", tail.examination, load=load.load)
    hear(cursor, tail, {program: told}, limits_of(terms.programs))
    return Loaded(version, program, header.sequence, facts.as_of, header.facts, difference, lost.certified)


def _days(header: SnapshotHeader, at: datetime, terms: Terms) -> tuple[date, date]:
    """The day from which a snapshot speaks, and the day whose certified sites are counted: today, however old the snapshot is."""
    day, today = [instant.astimezone(terms.zone(header.snapshot)).date() for instant in (instant_of(header.as_of), at)]
    return day, max(day, today)


def _next_load(engine: Engine) -> int:
    """A number for a load. Every batch of facts with a lower one is committed by then, every later batch gets a higher one."""
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        return held.next_load(cursor)


def _write_through(engine: Engine) -> None:
    with transaction(engine) as beside:
        held.write_through(beside)


def _refuse_earlier(name: object, header: SnapshotHeader, last: int) -> None:
    if header.sequence <= last:
        raise Unusable(f"{name}: the snapshot's sequence {header.sequence} is not above {last}, that of the last one loaded.")

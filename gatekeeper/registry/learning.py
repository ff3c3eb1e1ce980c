"""Registry facts into the ledger: a batch of messages goes in, what the ledger has for each comes out, in one database transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple, Self
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import astuple
from psycopg import Cursor
from sqlalchemy import Table

from gatekeeper.arrivals import Answer, Position, SetAside, Source, Stored
from gatekeeper.domain.sequences import Sequences
from gatekeeper.examinations.alerts import contradiction_alert
from gatekeeper.examinations.beginning import begin, guarded
from gatekeeper.examinations.refusals import refusal_of
from gatekeeper.instants import instant_of
from gatekeeper.registry.hearing import Told, hear
from gatekeeper.registry.importing import SUBJECT
from gatekeeper.registry.snapshot import AHEAD_AT_MOST
from gatekeeper.registry.taking_back import TAKES_BACK
from gatekeeper.storage import facts as storage
from gatekeeper.storage import ledger, moving, tables
from gatekeeper.storage.chain import facts_digest
from gatekeeper.storage.columns import Added, insert
from gatekeeper.storage.facts import Held, Identity
from schemas.canonical import canonical
from schemas.fact import Fact, Heartbeat, RecallFact, SiteFact
from schemas.reading import FACT, Unreadable, read_fact

IN_SNAPSHOT, CONTRADICTS = "in_snapshot", "contradicts"
"""Why a fact is kept aside and changes nothing."""


class FactArrival(NamedTuple):
    """One message of ``registry-facts`` at one position of a source, as it was read."""

    position: Position
    raw: bytes
    digest: bytes
    """SHA-256 of the message."""
    fact: Fact | Unreadable | SetAside
    body: bytes = b""
    """The fact in the one way in which it is held."""
    identity: Identity | None = None
    """What it is about; None of a heartbeat and of what cannot be read."""

    def set_aside(self, reason: str) -> Self:
        """The same, taken out of the way."""
        return self._replace(fact=SetAside(reason))


def read_fact_arrival(position: Position, raw: bytes, aside: str | None = None) -> FactArrival:
    """Reads one message. Nothing that was sent makes it raise."""
    digest = sha256(raw).digest()
    if aside is not None:
        return FactArrival(position, raw, digest, SetAside(aside))
    fact = read_fact(raw)
    if isinstance(fact, Unreadable | Heartbeat):
        return FactArrival(position, raw, digest, fact)
    kind = type(fact)
    identity = Identity(str(kind.__struct_config__.tag), fact.program, SUBJECT[kind](fact), fact.sequence, fact.effective_on)
    return FactArrival(position, raw, digest, fact, canonical(fact), identity)


def learn(cursor: Cursor[Any], source: Source, arrivals: Sequence[FactArrival], limits: Mapping[str, timedelta]) -> list[Answer]:
    """What the ledger has for each arrival, in their order. What was learned before is read back; nothing counts twice.

    ``limits`` says by program how old a registry may be. The caller commits, and publishes only then.
    Raises ``Halt`` where going on could be wrong, ``TryAgain`` where the database's clock ran back.
    """
    # Before the lock, so that others do not wait for it: what is held of all that nobody has learned yet.
    version, heads = ledger.version_and_heads(cursor, source.number)
    held = storage.held(cursor, _identities(_above(heads, arrivals)))
    (tail, *_), fresh, answers = begin(cursor, source, arrivals)
    if fresh:
        if tail.registry_version != version:
            held = storage.held(cursor, _identities(fresh))
        covered = storage.covered(cursor, {identity.program for identity in _identities(fresh)})
        batch = _Batch(source, tail, held, covered, limits)
        for arrival in fresh:
            guarded(source, arrival.position, batch.take, arrival)
        answers |= {answer.position: answer for answer in batch.write(cursor)}
    return [answers[arrival.position] for arrival in arrivals]


def _above(heads: Mapping[int, int], arrivals: Iterable[FactArrival]) -> list[FactArrival]:
    return [arrival for arrival in arrivals if arrival.position.offset >= heads.get(arrival.position.partition, 0)]


def _identities(arrivals: Iterable[FactArrival]) -> set[Identity]:
    return {arrival.identity for arrival in arrivals if arrival.identity is not None}


class _Batch:
    """What one transaction learns, until it is written. Of two facts that contradict each other the first to arrive holds."""

    def __init__(
        self, source: Source, tail: ledger.Tail, held: Held, covered: Mapping[tuple[str, str], int], limits: Mapping[str, timedelta]
    ) -> None:
        self._source, self._tail, self._held, self._covered, self._limits = source, tail, held, covered, limits
        self._block = tail.block + 1
        self._rows: dict[Table, list[Sequence[Any]]] = defaultdict(list)
        self._moves = moving.Moves()
        self._effective: list[tuple[Identity, bytes]] = []
        self._takes_back = False
        self._identifiers: set[tuple[str, str, str]] = set()
        self._received: dict[str, list[int]] = defaultdict(list)
        self._heartbeats: dict[str, list[tuple[int, datetime]]] = defaultdict(list)
        self._alerts: dict[UUID, bytes] = {}
        self._answers: list[Answer] = []

    def take(self, arrival: FactArrival) -> None:
        """Learns one arrival."""
        fact = arrival.fact
        if isinstance(fact, Unreadable | SetAside):
            refusal = refusal_of(self._source, arrival.position, fact, self._tail.now)
            self._rows[tables.REFUSAL].append((*self._place(arrival), arrival.raw, refusal.body, self._block))
            self._arrived(arrival, "refused", refusal)
        elif isinstance(fact, Heartbeat):
            self._beat(arrival, fact)
        elif arrival.identity is not None:
            kind = self._learn(arrival, fact, arrival.identity)
            if kind != "repeat":
                self._received[fact.program].append(fact.sequence)
            self._arrived(arrival, kind)

    def write(self, cursor: Cursor[Any]) -> list[Answer]:
        """Adds all that was learned as the next block, and moves what moves."""
        version, facts, identifiers = None, [], []
        if self._effective:
            load, numbers = storage.next_numbers(cursor, len(self._effective))
            facts = [(number, load, *identity, body) for number, (identity, body) in zip(numbers, self._effective, strict=True)]
            identifiers = [(*identifier, load) for identifier in self._identifiers]
            version = self._tail.registry_version + 1
            digest = facts_digest([(row[0], *row[2:]) for row in facts])
            self._rows[tables.REGISTRY_BATCH] = [(load, version, "topic", len(facts), digest, self._tail.now, self._block)]
            self._moves.follow("stop" if self._takes_back else "fact", self._tail.examination, load=load)
        raised = self._raise_alerts(cursor)
        block = ledger.add_block(cursor, self._tail, self._rows, registry_version=version, outbox=raised)
        insert(cursor, Added(tables.FACT, facts), Added(tables.SITE_IDENTIFIER, identifiers))
        self._moves.write(cursor, self._source.number)
        told = {
            program: Told(Sequences.of(self._received.get(program, ())), tuple(self._heartbeats.get(program, ())))
            for program in {*self._received, *self._heartbeats}
        }
        hear(cursor, self._tail, told, self._limits)
        head = block.hash.hex()
        return [answer._replace(head=head) for answer in self._answers]

    def _beat(self, arrival: FactArrival, beat: Heartbeat) -> None:
        as_of = instant_of(beat.as_of)
        # Its number is its own, among those of the facts, also where its instant cannot be used.
        self._received[beat.program].append(beat.sequence)
        self._rows[tables.HEARTBEAT].append((*self._place(arrival), beat.program, beat.sequence, as_of, self._block))
        if as_of <= self._tail.now + AHEAD_AT_MOST:
            self._heartbeats[beat.program].append((beat.sequence, as_of))
        self._arrived(arrival, "heartbeat")

    def _learn(self, arrival: FactArrival, fact: Fact, identity: Identity) -> str:
        same = self._held[identity]
        if arrival.body in same:
            return "repeat"
        if any(_contradict(fact, body) for body in same):
            self._contradicted(arrival, fact, identity)
            return self._aside(arrival, CONTRADICTS)
        if identity.sequence <= self._covered.get((identity.program, identity.kind), 0):
            return self._aside(arrival, IN_SNAPSHOT)
        same.append(arrival.body)
        self._effective.append((identity, arrival.body))
        self._takes_back |= getattr(fact, "status", None) in TAKES_BACK
        if isinstance(fact, SiteFact) and fact.identifiers is not UNSET:
            on_file = zip(fact.identifiers.__struct_fields__, astuple(fact.identifiers), strict=True)
            self._identifiers.update((value, kind, fact.site_id) for kind, values in on_file if values is not UNSET for value in values)
        return "fact"

    def _aside(self, arrival: FactArrival, why: str) -> str:
        self._rows[tables.ASIDE].append((*self._place(arrival), why, arrival.body, self._block))
        return "aside"

    def _contradicted(self, arrival: FactArrival, fact: Fact, identity: Identity) -> None:
        kind, program, _, sequence, effective_on = identity
        topic, (partition, offset) = self._source.topic, arrival.position
        seen: dict[str, Any] = {
            "fact": kind,
            "sequence": sequence,
            "effective_on": effective_on.isoformat(),
            "position": {"topic": topic, "partition": partition, "offset": offset},
        }
        # Of patients, their authorizations and their prescribers it says no more than where the fact stands.
        if isinstance(fact, SiteFact):
            seen["site_id"] = fact.site_id
        name, body = contradiction_alert(
            self._tail.now, sha256(arrival.body).hexdigest(), program if program in self._limits else None, seen
        )
        self._alerts.setdefault(UUID(name), body)

    def _raise_alerts(self, cursor: Cursor[Any]) -> list[ledger.Outgoing]:
        before = storage.alerted(cursor, list(self._alerts))
        new = {name: body for name, body in self._alerts.items() if name not in before}
        self._rows[tables.ALERT] = [(name, "fact_contradicts", None, body, self._block) for name, body in new.items()]
        return [ledger.Outgoing(alert_id=name) for name in new]

    def _arrived(self, arrival: FactArrival, kind: str, refusal: Stored | None = None) -> None:
        self._rows[tables.ARRIVAL].append((*self._place(arrival), kind, arrival.digest, None, None, self._block))
        self._moves.heads[arrival.position.partition] = arrival.position.offset + 1
        self._answers.append(Answer(arrival.position, kind, "", read_back=False, refusal=refusal))

    def _place(self, arrival: FactArrival) -> tuple[int, int, int]:
        return (self._source.number, *arrival.position)


def _contradict(fact: Fact, body: bytes) -> bool:
    """Whether a fact says something else than one that is held of the same subject, day and sequence. A lot's name is of one product."""
    held = FACT.decoder.decode(body) if isinstance(fact, RecallFact) else None
    return not (isinstance(fact, RecallFact) and isinstance(held, RecallFact) and held.ndc != fact.ndc)

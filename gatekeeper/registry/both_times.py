"""What did we know at T about day D? And everything that was ever said of one subject, with when it came."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final, NamedTuple, get_args

import msgspec
from psycopg import Cursor

from gatekeeper.domain.facts import Fact as DomainFact
from gatekeeper.domain.facts import RecallFact, holding
from gatekeeper.domain.products import ndc_readings
from gatekeeper.errors import Halt, Unusable
from gatekeeper.messages import written
from gatekeeper.registry.learning import CONTRADICTS, IN_SNAPSHOT
from gatekeeper.storage import both_times as held
from gatekeeper.storage.both_times import AsideRow, Source
from gatekeeper.translate import fact_of
from schemas.canonical import canonical
from schemas.fact import Fact, FactKind, Heartbeat
from schemas.reading import FACT

WHY_ASIDE: Final = {
    CONTRADICTS: "kept aside: it contradicts a fact of the same day and sequence, and changes nothing",
    IN_SNAPSHOT: "kept aside: a snapshot with this sequence or a higher one came before it, and it changes nothing",
}
NEWEST: Final = 2**63 - 1
"""Of the registry, whichever version it has come to."""
KINDS: Final[tuple[str, ...]] = get_args(FactKind)


class Subject(NamedTuple):
    """Of what a fact speaks: a site, say, of one program."""

    program: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.program}/program" if self.kind == "program" else "/".join(self)


class Change(NamedTuple):
    """From this day on a fact no longer counts, or counts again."""

    day: date
    counts: bool
    source: Source


class Held(NamedTuple):
    """A fact, with when it became known, and what snapshots made of it since."""

    id: int
    said: Fact
    sequence: int
    effective_on: date
    source: Source
    changes: tuple[Change, ...]

    @property
    def status(self) -> str:
        return str(getattr(self.said, "status", None) or getattr(self.said, "mode", ""))

    def last_change(self, known_at: datetime) -> Change | None:
        """The newest of its changes that was known then."""
        return next((change for change in reversed(self.changes) if change.source.at <= known_at), None)

    def until(self, known_at: datetime) -> date | None:
        """The day from which it no longer counts, as known then."""
        change = self.last_change(known_at)
        return None if change is None or change.counts else change.day


class KeptAside(NamedTuple):
    """A fact that came and changes nothing: it contradicts one that is held, or a snapshot had said it already."""

    said: Fact
    row: AsideRow

    @property
    def why(self) -> str:
        return WHY_ASIDE[self.row.why]


class Answer(NamedTuple):
    """What holds on a day as known at an instant; where nothing does, why."""

    subject: Subject
    on: date
    known_at: datetime
    holds: tuple[Held, ...]
    """One fact, or none; of a lot that is recalled for several products, one a product."""
    why: str | None


def read_subject(text: str) -> Subject:
    """A subject as the topic's keys write it: ``PROGRAM/site/HF-0001``, ``PROGRAM/program``."""
    program, _, rest = text.partition("/")
    kind, _, name = rest.partition("/")
    if kind == "program" and not name:
        name = program
    if not program or kind not in KINDS or not name or (kind == "program" and name != program):
        kinds = ", ".join(f"PROGRAM/{kind}/ID" for kind in KINDS if kind not in {"recall", "program"})
        raise Unusable(f"The subject must be written as {kinds}, PROGRAM/recall/LOT or PROGRAM/program.")
    return Subject(program, kind, name)


def history(cursor: Cursor[Any], subject: Subject) -> tuple[Held, ...]:
    """Every fact about the subject, in the order in which they became known."""
    return _histories(cursor, subject.program, subject.kind, [subject.name])[subject.name]


def kept_aside(cursor: Cursor[Any], subject: Subject) -> tuple[KeptAside, ...]:
    """Every fact about the subject that came and was kept aside, in the order in which they came."""
    return tuple([KeptAside(FACT.decoder.decode(row.body), row) for row in held.kept_aside(cursor, str(subject))])


def answer(cursor: Cursor[Any], subject: Subject, on: date, known_at: datetime) -> Answer:
    """What holds on the day as known at the instant, by the rule of the gate itself."""
    return answers(cursor, subject.program, subject.kind, [subject.name], on, known_at)[0]


def answers(
    cursor: Cursor[Any], program: str, kind: str, names: Sequence[str], on: date, known_at: datetime, version: int = NEWEST
) -> list[Answer]:
    """The same of several subjects, in their order, by what the registry had at this version of it; as many questions to the database
    as for one.
    """
    histories = _histories(cursor, program, kind, names, version)
    return [_answer(Subject(program, kind, name), histories[name], on, known_at) for name in names]


def _answer(subject: Subject, facts: tuple[Held, ...], on: date, known_at: datetime) -> Answer:
    known = [fact for fact in facts if fact.source.at <= known_at]
    holds = _holding(known, on, known_at)
    return Answer(subject, on, known_at, holds, None if holds else _why_not(facts, known, on, known_at))


def _histories(cursor: Cursor[Any], program: str, kind: str, names: Sequence[str], version: int = NEWEST) -> dict[str, tuple[Held, ...]]:
    facts = held.facts(cursor, program, kind, names)
    presences = held.presences(cursor, [fact.id for fact in facts]) if facts else []
    sources = held.sources(cursor, {row.load for row in facts} | {row.load for row in presences}) if facts else {}
    said: dict[str, list[Held]] = {name: [] for name in names}
    try:
        changes = {fact: [Change(row.day, row.present, sources[row.load]) for row in rows] for fact, rows in _by_fact(presences)}
        changes = {fact: [change for change in several if change.source.version <= version] for fact, several in changes.items()}
        for row in facts:
            if sources[row.load].version > version:
                continue
            fact = FACT.decoder.decode(row.body)
            said[row.subject].append(Held(row.id, fact, row.sequence, row.effective_on, sources[row.load], tuple(changes.get(row.id, ()))))
    except KeyError:
        raise Halt("A fact came with a load of the registry that does not exist: run `gatekeeper verify`.") from None
    return {name: tuple(facts_of_it) for name, facts_of_it in said.items()}


def _by_fact(presences: list[held.PresenceRow]) -> list[tuple[int, list[held.PresenceRow]]]:
    ordered = sorted(presences, key=lambda row: row.fact)
    return [(fact, list(rows)) for fact, rows in groupby(ordered, key=lambda row: row.fact)]


def _holding(known: list[Held], on: date, known_at: datetime) -> tuple[Held, ...]:
    facts: list[DomainFact] = []
    for fact in known:
        if not isinstance(fact.said, Heartbeat):
            facts.append(fact_of(fact.said)._replace(until=fact.until(known_at)))
    recalls = [fact for fact in facts if isinstance(fact, RecallFact)]
    if recalls:
        # A recall is of the rows that a reading of its NDC fits: each reading is a product of its own.
        readings = {fact: ndc_readings(fact.ndc) or (fact.ndc,) for fact in recalls}
        products = {reading for several in readings.values() for reading in several}
        best: list[DomainFact | None] = [holding([fact for fact in recalls if product in readings[fact]], on) for product in products]
    else:
        best = [holding(facts, on)]  # type: ignore[type-var] # all are of one kind
    return tuple([fact for fact, said in zip(known, facts, strict=True) if any(said is one for one in best)])


def _why_not(facts: tuple[Held, ...], known: list[Held], on: date, known_at: datetime) -> str:
    if not facts:
        return "It is unknown: no registry ever said anything of it."
    if not known:
        return f"It was not known yet: the first fact about it was recorded at {written(min(fact.source.at for fact in facts))}."
    begun = [fact for fact in known if fact.effective_on <= on]
    if not begun:
        return f"It is known, but not yet effective: its first fact holds from {min(fact.effective_on for fact in known)} on."
    last = max(begun, key=lambda fact: (fact.effective_on, fact.sequence))
    change = last.last_change(known_at)
    if change is None:
        raise Halt("A fact neither holds nor was left out: run `gatekeeper verify`.")
    return f"It was left out by {named(change.source)}: from {change.day} on it is unknown."


def named(source: Source) -> str:
    """With what something became known, in words."""
    if source.sequence is not None and source.as_of is not None:
        return f"the snapshot with sequence {source.sequence} as of {written(source.as_of)}, loaded at {written(source.at)}"
    return f"{'a fact by topic' if source.origin == 'topic' else 'a local fact'}, recorded at {written(source.at)}"


def document(fact: Held) -> dict[str, Any]:
    """A fact with both times, as JSON has it."""
    return {
        "fact": msgspec.json.decode(canonical(fact.said)),
        "effective_on": fact.effective_on.isoformat(),
        "sequence": fact.sequence,
        "status": fact.status,
        "known": _source(fact.source),
        "changes": [{"from": change.day.isoformat(), "counts": change.counts, "known": _source(change.source)} for change in fact.changes],
    }


def document_aside(fact: KeptAside) -> dict[str, Any]:
    """A fact that was kept aside, as JSON has it."""
    row = fact.row
    return {
        "fact": msgspec.json.decode(canonical(fact.said)),
        "aside": row.why,
        "came": written(row.at),
        "position": {"topic": row.topic, "partition": row.partition, "offset": row.offset},
    }


def answer_document(answer: Answer) -> dict[str, Any]:
    """An answer as JSON has it."""
    return {
        "subject": str(answer.subject),
        "on": answer.on.isoformat(),
        "known_at": written(answer.known_at),
        "holds": [document(fact) for fact in answer.holds],
        "why": answer.why,
    }


def _source(source: Source) -> dict[str, Any]:
    snapshot = {} if source.as_of is None else {"snapshot_sequence": source.sequence, "snapshot_as_of": written(source.as_of)}
    return {"since": written(source.at), "by": source.origin, "load": source.load, "registry_version": source.version} | snapshot

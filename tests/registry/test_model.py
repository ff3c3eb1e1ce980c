"""Whatever is told, in whatever order, with whatever snapshots between: the ledger answers as a plain model of both times does."""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine

from gatekeeper.arrivals import Position, Source
from gatekeeper.registry.both_times import answer, read_subject
from gatekeeper.registry.learning import learn, read_fact_arrival
from gatekeeper.storage import ledger as storage
from gatekeeper.storage.engine import migrate, open_engine, transaction
from gatekeeper.storage.heard import heard
from schemas.canonical import canonical
from tests.real.database import Database
from tests.registry.telling import heartbeat
from tests.storage.snapshots import Wire, load, patient, recall, site, snapshot

FIRST = date(2025, 6, 1)
EFFECTIVE = st.sampled_from(["2025-05-01", "2025-06-02", "2025-06-04"])
SEQUENCES = st.integers(1, 12)
FACTS = st.one_of(
    st.builds(site, st.integers(1, 2), st.sampled_from(["certified", "suspended"]), sequence=SEQUENCES, effective_on=EFFECTIVE),
    st.builds(patient, st.just("P-1"), st.sampled_from(["enrolled", "withdrawn"]), sequence=SEQUENCES, effective_on=EFFECTIVE),
    st.builds(recall, st.just("B1"), st.sampled_from(["recalled", "lifted"]), sequence=SEQUENCES, effective_on=EFFECTIVE),
)
SUBJECTS = {"site": ("HF-1", "HF-2"), "patient": ("P-1",), "recall": ("B1",)}
STAYS = {"recall"}
DAYS = [FIRST + timedelta(days=offset) for offset in (-20, 0, 1, 2, 3, 4, 5)]
PROGRAMS = (f"program-{number}" for number in itertools.count())
Identity = tuple[str, str, str, int]


def identity(fact: Wire) -> Identity:
    return fact["fact"], fact.get("site_id") or fact.get("patient_id") or fact["lot"], fact["effective_on"], fact["sequence"]


class Snapshot(NamedTuple):
    step: int
    sequence: int
    day: date
    covers: tuple[str, ...]
    facts: dict[Identity, Wire]


class Model:
    """What the contract says, in plain lists that are searched from one end to the other."""

    def __init__(self) -> None:
        self.step = 0
        self.told: list[tuple[int, Wire]] = []
        self.snapshots: list[Snapshot] = []
        self.received: set[int] = set()
        self.through = 0
        """Up to here the topic and the snapshots of all kinds told."""
        self.heartbeats: list[tuple[int, datetime]] = []

    def tell(self, fact: Wire) -> str:
        """What becomes of a fact."""
        same = [held for held in self._ever() if identity(held) == identity(fact)]
        if fact in same:
            return "repeat"
        self.hear(fact["sequence"])
        if same or any(fact["sequence"] <= one.sequence for one in self.snapshots if fact["fact"] in one.covers):
            return "aside"
        self.told.append((self.step, fact))
        return "fact"

    def hear(self, sequence: int) -> None:
        self.received.add(sequence)
        self.through = max(self.through, sequence)

    def load(self, one: Snapshot) -> None:
        """One of all kinds takes back what heartbeats said before it of more than it knows of."""
        self.snapshots.append(one)
        if set(one.covers) < set(SUBJECTS):
            self.received |= {fact["sequence"] for fact in one.facts.values()}
            return
        self.received |= set(range(1, one.sequence + 1))
        self.through = max(self.through, one.sequence)
        as_of = datetime(one.day.year, one.day.month, one.day.day, tzinfo=UTC)
        latest: dict[int, datetime] = {}
        for number, told in self.heartbeats:
            latest[number] = max(told, latest.get(number, told))
        slips = {number for number, told in latest.items() if told < as_of and not self.received >= set(range(1, number + 1))}
        if slips:
            self.received -= slips
            self.heartbeats = [(number, told) for number, told in self.heartbeats if number not in slips]
            self.through = max(self.received)

    def holds(self, kind: str, name: str, day: date, step: int) -> Wire | type[KeyError] | None:
        """The fact that holds; ``KeyError`` for the days between two snapshots, of which the contract says nothing."""
        counting = self._counting(kind, day, step)
        if counting is None:
            return KeyError
        own = [fact for fact in counting if identity(fact)[1] == name and fact["effective_on"] <= day.isoformat()]
        return max(own, key=lambda fact: (fact["effective_on"], fact["sequence"]), default=None)

    @property
    def missing(self) -> int:
        return len(set(range(1, self.through + 1)) - self.received)

    @property
    def as_of(self) -> datetime | None:
        spoken = [datetime(one.day.year, one.day.month, one.day.day, tzinfo=UTC) for one in self.snapshots]
        beats = [as_of for sequence, as_of in self.heartbeats if self.received >= set(range(1, sequence + 1))]
        return max(spoken + beats, default=None)

    def _ever(self) -> Iterator[Wire]:
        for one in self.snapshots:
            yield from one.facts.values()
        yield from (fact for _, fact in self.told)

    def _counting(self, kind: str, day: date, step: int) -> list[Wire] | None:
        told = [(at, fact) for at, fact in self.told if at <= step and fact["fact"] == kind]
        covering = [one for one in self.snapshots if one.step <= step and kind in one.covers]
        of_snapshots = [(one.step, fact) for one in covering for fact in one.facts.values() if fact["fact"] == kind]
        if not covering or day < min(one.day for one in covering):
            return list({json.dumps(fact): fact for _, fact in (*told, *of_snapshots)}.values())
        if day < max(one.day for one in covering):
            return None
        if kind in STAYS:
            # The last word of one identity counts, and what nobody took back.
            return list({identity(fact): fact for _, fact in sorted((*told, *of_snapshots), key=lambda pair: pair[0])}.values())
        last = covering[-1]
        own = [fact for fact in last.facts.values() if fact["fact"] == kind]
        return own + [fact for _, fact in told if fact["sequence"] > last.sequence]


@pytest.fixture(scope="module")
def engine(postgres: Database) -> Iterator[Engine]:
    """One ledger for all examples: each has a program of its own."""
    url = postgres.fresh()
    engine = open_engine(url)
    migrate(engine)
    yield engine
    engine.dispose()
    postgres.drop(url)


class Registry(RuleBasedStateMachine):
    """One program, told by topic over three partitions and by snapshots."""

    engine: Engine
    folder: Path

    @initialize()
    def begin(self) -> None:
        self.program = next(PROGRAMS)
        self.model = Model()
        self.known_at: dict[int, datetime] = {}
        self.offsets = [0, 0, 0]
        self.placed: list[tuple[Position, bytes, str]] = []
        with transaction(self.engine) as cursor:
            self.source = Source(storage.source_of(cursor, "registry-facts", self.program), "registry-facts", self.program)

    @rule(facts=st.lists(st.tuples(FACTS, st.integers(0, 2)), min_size=1, max_size=6), split=st.integers(1, 6))
    def tell(self, facts: list[tuple[Wire, int]], split: int) -> None:
        """New facts, in batches; some agree with others in subject, day and sequence, and not in the rest."""
        for first in range(0, len(facts), split):
            self._take([(fact | {"program": self.program}, partition) for fact, partition in facts[first : first + split]])

    @rule(sequence=st.integers(1, 14), hour=st.integers(0, 200), ahead=st.booleans(), partition=st.integers(0, 2))
    def beat(self, sequence: int, hour: int, ahead: bool, partition: int) -> None:  # noqa: FBT001
        as_of = datetime(2199, 1, 1, tzinfo=UTC) if ahead else datetime(2025, 6, 1, tzinfo=UTC) + timedelta(hours=hour)
        self.model.hear(sequence)
        if not ahead:
            self.model.heartbeats.append((sequence, as_of))
        self._take([(heartbeat(sequence, as_of.isoformat(), self.program), partition)])

    @precondition(lambda self: bool(self.placed))
    @rule(number=st.integers(0, 100))
    def read_again(self, number: int) -> None:
        """What was learned is read back, and counts once."""
        first = number % len(self.placed)
        answers = self._learn([(position, raw) for position, raw, _ in self.placed[first : first + 4]])
        assert [(answer.kind, answer.read_back) for answer in answers] == [(kind, True) for _, _, kind in self.placed[first : first + 4]]

    @rule(
        facts=st.lists(FACTS, max_size=6), above=st.integers(1, 3), day=st.integers(0, 4),
        covers=st.sampled_from([None, None, ("site",), ("site", "recall")]),
    )  # fmt: skip
    def load(self, facts: list[Wire], above: int, day: int, covers: tuple[str, ...] | None) -> None:
        sequence = max([one.sequence for one in self.model.snapshots], default=0) + above
        own = [fact | {"program": self.program} for fact in facts if fact["sequence"] <= sequence]
        named = {identity(fact): fact for fact in own if covers is None or fact["fact"] in covers}
        on = FIRST + timedelta(days=day)
        header = {"snapshot": self.program} | ({"covers": list(covers)} if covers else {})
        path = snapshot(self.folder / "snapshot", named.values(), sequence=sequence, as_of=f"{on}T00:00:00Z", **header)
        load(self.engine, path)
        self.model.step += 1
        self.model.load(Snapshot(self.model.step, sequence, on, covers or tuple(SUBJECTS), named))
        self._note()

    @invariant()
    def stands_as_the_model_says(self) -> None:
        with transaction(self.engine) as cursor:
            found = heard(cursor, [self.program])[self.program]
            assert (found.as_of, found.missing) == (self.model.as_of, self.model.missing)
            newest = max(self.known_at, default=None)
            self._ask(cursor, [] if newest is None else [newest])

    def teardown(self) -> None:
        """At the end all is asked again, as known at every step."""
        with transaction(self.engine) as cursor:
            self._ask(cursor, self.known_at)

    def _ask(self, cursor: Any, steps: Any) -> None:
        for step, (kind, names), day in itertools.product(steps, SUBJECTS.items(), DAYS):
            for name in names:
                expected = self.model.holds(kind, name, day, step)
                found = answer(cursor, read_subject(f"{self.program}/{kind}/{name}"), day, self.known_at[step]).holds
                said = [json.loads(canonical(each.said)) for each in found]
                assert expected is KeyError or said == ([] if expected is None else [json.loads(json.dumps(expected))])

    def _take(self, messages: list[tuple[Wire, int]]) -> None:
        placed = []
        for message, partition in messages:
            placed.append((Position(partition, self.offsets[partition]), json.dumps(message).encode()))
            self.offsets[partition] += 1
        self.model.step += 1
        expected = ["heartbeat" if message["fact"] == "heartbeat" else self.model.tell(message) for message, _ in messages]
        assert [each.kind for each in self._learn(placed)] == expected
        self.placed += [(*place, kind) for place, kind in zip(placed, expected, strict=True)]
        self._note()

    def _learn(self, placed: list[tuple[Position, bytes]]) -> list[Any]:
        with transaction(self.engine) as cursor:
            return learn(cursor, self.source, [read_fact_arrival(position, raw) for position, raw in placed], {})

    def _note(self) -> None:
        """The instant at which this step was known; of steps in one millisecond only the last can be asked for."""
        with transaction(self.engine) as cursor:
            at = cursor.execute("SELECT at FROM moving_tail").fetchone()[0]  # type: ignore[index]
        self.known_at = {step: known for step, known in self.known_at.items() if known < at} | {self.model.step: at}


def test_the_registry_answers_as_the_model_does(engine: Engine, tmp_path: Path) -> None:
    machine = type("Told", (Registry,), {"engine": engine, "folder": tmp_path})
    limits = settings(
        max_examples=60, stateful_step_count=12, deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=limits)

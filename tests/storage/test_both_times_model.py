"""Whatever snapshots come one after the other: what was known then is what was answered then."""

import itertools
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from gatekeeper.domain.facts import holding
from gatekeeper.registry.both_times import Subject, answer
from gatekeeper.storage.engine import migrate, open_engine, transaction
from gatekeeper.storage.lookups import ask
from gatekeeper.translate import fact_of
from tests.real.database import Database
from tests.storage.snapshots import load, snapshot
from tests.storage.test_registry_model import FIRST, QUESTIONS, Said, question_of, said

PROGRAMS = (f"known-{number}" for number in itertools.count())
DAYS = [FIRST + timedelta(days=offset) for offset in range(-32, 6)]


@pytest.fixture(scope="module")
def ledger(postgres: Database) -> Iterator[Engine]:
    """One ledger for all examples: each has a program of its own."""
    url = postgres.fresh()
    engine = open_engine(url)
    migrate(engine)
    yield engine
    engine.dispose()
    postgres.drop(url)


def answered(engine: Engine, program: str) -> dict[tuple[str, str, date], Any]:
    """What the gate is told now, for each subject and day."""
    subjects = [(kind, name) for kind in QUESTIONS for name in QUESTIONS[kind]]
    with transaction(engine) as cursor:
        found = ask(cursor, [question_of(kind, program, name) for kind, name in subjects])
    told = {}
    for (kind, name), day in itertools.product(subjects, DAYS):
        facts = [fact for fact in found[question_of(kind, program, name)].answer if fact.program == program]
        best = holding(facts, day)
        told[kind, name, day] = best and best._replace(until=None)
    return told


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(said(), min_size=1, max_size=4))
def test_what_was_answered_then_is_answered_now_about_then(ledger: Engine, tmp_path: Path, history: list[Said]) -> None:
    program = next(PROGRAMS)
    then: list[tuple[datetime, dict[tuple[str, str, date], Any]]] = []
    for number, one in enumerate(history):
        facts = [fact | {"program": program} for fact in one.facts.values()]
        covers = {"covers": list(one.covers)} if one.covers else {}
        path = snapshot(tmp_path / "snapshot", facts, sequence=10 + number, as_of=f"{one.day}T00:00:00Z", **{"snapshot": program} | covers)
        load(ledger, path)
        with transaction(ledger) as cursor:
            (known_at,) = cursor.execute("SELECT max(at) FROM registry_load").fetchone() or (None,)
        then.append((known_at, answered(ledger, program)))

    with transaction(ledger) as cursor:
        for known_at, told in then:
            for (kind, name, day), expected in told.items():
                given = answer(cursor, Subject(program, kind, name), day, known_at)
                assert [fact_of(fact.said) for fact in given.holds] == ([] if expected is None else [expected])
                assert (given.why is None) == bool(given.holds)

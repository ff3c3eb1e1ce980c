"""Whatever snapshots come one after the other: what is asked of the ledger is what the contract says holds."""

import itertools
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from gatekeeper.domain.case import Question
from gatekeeper.storage.engine import migrate, open_engine, transaction
from gatekeeper.storage.lookups import ask
from gatekeeper.translate import fact_of
from schemas.reading import Unreadable, read_fact
from tests.real.database import Database
from tests.storage.snapshots import Wire, load, patient, recall, site, snapshot

FIRST = date(2025, 6, 1)
DAYS = ("2025-05-01", "2025-06-03")
POOL = st.one_of(
    st.builds(
        site, st.integers(1, 2), st.sampled_from(["certified", "suspended"]), sequence=st.integers(1, 3), effective_on=st.sampled_from(DAYS)
    ),
    st.builds(
        patient, st.sampled_from(["P-1", "P-2"]), st.sampled_from(["enrolled", "withdrawn"]),
        sequence=st.integers(1, 3), effective_on=st.sampled_from(DAYS),
    ),
    st.builds(
        recall, st.sampled_from(["B1", "B2"]), st.sampled_from(["recalled", "lifted"]),
        sequence=st.integers(1, 2), effective_on=st.sampled_from(DAYS),
    ),
)  # fmt: skip
STAYS = {"recall"}
QUESTIONS = {"site": ("HF-1", "HF-2"), "patient": ("P-1", "P-2"), "recall": ("B1", "B2")}
PROGRAMS = (f"program-{number}" for number in itertools.count())


def identity(fact: Wire) -> tuple[Any, ...]:
    subject = fact.get("site_id") or fact.get("patient_id") or fact.get("lot")
    return fact["fact"], subject, fact["effective_on"], fact["sequence"]


class Said(NamedTuple):
    """One snapshot: its facts, the day from which it speaks, and of what."""

    facts: dict[tuple[Any, ...], Wire]
    day: date
    covers: tuple[str, ...] | None


@st.composite
def said(draw: st.DrawFn) -> Said:
    covers = draw(st.sampled_from([None, None, ("site",), ("site", "recall")]))
    facts = [fact for fact in draw(st.lists(POOL, max_size=8)) if covers is None or fact["fact"] in covers]
    return Said({identity(fact): fact for fact in facts}, FIRST + timedelta(days=draw(st.integers(0, 4))), covers)


def counting(history: list[Said], kind: str, day: date) -> set[Any] | None:
    """The facts of a kind that count for a day, by the contract's words; None for days between the snapshots."""
    covering = [one for one in history if one.covers is None or kind in one.covers]
    ever = {msgspec.json.encode(fact): fact for one in covering for name, fact in one.facts.items() if name[0] == kind}
    if not covering:
        return set()
    if day < min(one.day for one in covering):
        return wire(ever.values())
    if day < max(one.day for one in covering) or day < covering[-1].day:
        return None
    if kind in STAYS:
        latest: dict[tuple[Any, ...], Wire] = {}
        for one in covering:
            latest |= {name: fact for name, fact in one.facts.items() if name[0] == kind}
        return wire(latest.values())
    return wire(fact for name, fact in covering[-1].facts.items() if name[0] == kind)


def wire(facts: Any) -> set[Any]:
    def read(fact: Wire) -> Any:
        found = read_fact(msgspec.json.encode(fact))
        assert not isinstance(found, Unreadable)
        return fact_of(found)

    return {read(fact) for fact in facts}


@pytest.fixture(scope="module")
def ledger(postgres: Database) -> Iterator[Engine]:
    """One ledger for all examples: each has a program of its own."""
    url = postgres.fresh()
    engine = open_engine(url)
    migrate(engine)
    yield engine
    engine.dispose()
    postgres.drop(url)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(said(), min_size=1, max_size=5))
def test_lookups_give_what_holds(ledger: Engine, tmp_path: Path, history: list[Said]) -> None:
    program = next(PROGRAMS)
    history = [one._replace(facts={name: fact | {"program": program} for name, fact in one.facts.items()}) for one in history]
    for number, one in enumerate(history):
        covers = {"covers": list(one.covers)} if one.covers else {}
        path = snapshot(
            tmp_path / "snapshot", one.facts.values(), sequence=10 + number, as_of=f"{one.day}T00:00:00Z", **{"snapshot": program} | covers
        )
        load(ledger, path)

        with transaction(ledger) as cursor:
            asked: dict[Question, Any] = {
                question: answer.answer
                for question, answer in ask(
                    cursor, [question_of(kind, program, subject) for kind in QUESTIONS for subject in QUESTIONS[kind]]
                ).items()
            }
        for kind, day in itertools.product(QUESTIONS, [FIRST + timedelta(days=offset) for offset in range(-1, 6)]):
            expected = counting(history[: number + 1], kind, day)
            found = [
                fact._replace(until=None)
                for subject in QUESTIONS[kind]
                for fact in asked[question_of(kind, program, subject)]
                if fact.program == program and (fact.until is None or fact.until > day)
            ]
            assert expected is None or (set(found) == expected and len(found) == len(expected))


def question_of(kind: str, program: str, subject: str) -> Question:
    return (kind, subject) if kind == "site" else (kind, program, subject)

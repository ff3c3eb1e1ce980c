"""What was known at an instant about a day, whichever way facts came."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gatekeeper.errors import Halt, Unusable
from gatekeeper.registry.both_times import KINDS, Answer, Held, Subject, answer, history, read_subject
from gatekeeper.registry.importing import SUBJECT
from gatekeeper.storage import ledger, tables
from gatekeeper.storage.chain import facts_digest
from gatekeeper.storage.columns import Added, insert
from gatekeeper.storage.engine import transaction
from schemas.canonical import canonical
from schemas.fact import Heartbeat
from schemas.reading import FACT
from tests.gate.ledger import WORLD
from tests.storage.snapshots import Wire, load, patient, recall, rows, site, snapshot

FACTS_OF_THE_CASES: list[Wire] = [
    *WORLD, {"fact": "program", "program": "lemtrada", "sequence": 99, "effective_on": "2026-12-01", "mode": "active"},
]  # fmt: skip
MAY, JUNE, JULY = date(2025, 5, 1), date(2025, 6, 1), date(2025, 7, 1)


def by_topic(engine: Engine, *facts: Wire) -> datetime:
    """Facts that came one by one, as one batch; gives the instant at which they were known."""
    with transaction(engine) as cursor:
        ledger.take_lock(cursor)
        tail = ledger.read_tail(cursor)
        load_id = cursor.execute("SELECT nextval('registry_load_id')").fetchone()[0]  # type: ignore[index]
        added = []
        for fact in facts:
            said = FACT.decoder.decode(json.dumps(fact).encode())
            number = cursor.execute("SELECT nextval('fact_id')").fetchone()[0]  # type: ignore[index]
            name = fact.get("site_id") or fact.get("patient_id") or fact.get("lot") or fact["program"]
            added.append((number, load_id, fact["fact"], fact["program"], name, fact["sequence"], said.effective_on, canonical(said)))  # type: ignore[union-attr]
        insert(cursor, Added(tables.FACT, added))
        version = tail.registry_version + 1
        digest = facts_digest((*row[:1], *row[2:]) for row in added)
        batch = (load_id, version, "topic", len(added), digest, tail.now, tail.block + 1)
        ledger.add_block(cursor, tail, {tables.REGISTRY_BATCH: [batch]}, registry_version=version)
        return tail.now


def loaded_at(engine: Engine) -> list[datetime]:
    return [row[11] for row in sorted(rows(engine, "registry_load"))]


def asked(engine: Engine, subject: str, on: date, known_at: datetime) -> Answer:
    with transaction(engine) as cursor:
        return answer(cursor, read_subject(subject), on, known_at)


def told(engine: Engine, subject: str) -> tuple[Held, ...]:
    with transaction(engine) as cursor:
        return history(cursor, read_subject(subject))


def status(engine: Engine, on: date, known_at: datetime, subject: str = "lemtrada/site/HF-1") -> str | None:
    given = asked(engine, subject, on, known_at)
    assert (given.why is None) == bool(given.holds)
    return given.holds[0].status if given.holds else None


def test_both_times_are_asked_at_once(engine: Engine, tmp_path: Path) -> None:
    load(engine, snapshot(tmp_path / "1", [site(1)], sequence=10, as_of="2025-05-01T12:00:00Z"))
    third = by_topic(engine, site(1, "suspended", sequence=12, effective_on="2025-06-01"))
    load(engine, snapshot(tmp_path / "2", [], sequence=13, as_of="2025-07-01T12:00:00Z"))
    first, last = loaded_at(engine)

    assert [status(engine, day, first) for day in (MAY, JUNE, JULY)] == ["certified"] * 3
    assert [status(engine, day, third) for day in (MAY, JUNE, JULY)] == ["certified", "suspended", "suspended"]
    assert [status(engine, day, last) for day in (MAY, JUNE, JULY)] == ["certified", "suspended", None]
    assert status(engine, MAY, first - timedelta(microseconds=1)) is None


def test_where_nothing_holds_it_is_said_why(engine: Engine, tmp_path: Path) -> None:
    load(
        engine,
        snapshot(tmp_path / "1", [site(1, effective_on="2025-06-01"), site(2, sequence=2)], sequence=10, as_of="2025-05-01T12:00:00Z"),
    )
    load(engine, snapshot(tmp_path / "2", [site(1, effective_on="2025-06-01")], sequence=11, as_of="2025-07-01T12:00:00Z"))
    first, last = loaded_at(engine)
    said = f"{first:%Y-%m-%dT%H:%M:%S}"

    assert asked(engine, "lemtrada/site/HF-3", JUNE, last).why == "It is unknown: no registry ever said anything of it."
    assert asked(engine, "other/site/HF-1", JUNE, last).why == "It is unknown: no registry ever said anything of it."
    assert asked(engine, "lemtrada/site/HF-1", MAY, last).why == (
        "It is known, but not yet effective: its first fact holds from 2025-06-01 on.")  # fmt: skip
    why = asked(engine, "lemtrada/site/HF-2", JULY, last).why
    assert why is not None
    assert why.startswith("It was left out by the snapshot with sequence 11 as of 2025-07-01T12:00:00.000Z, loaded at ")
    assert why.endswith(": from 2025-07-01 on it is unknown.")
    earlier = asked(engine, "lemtrada/site/HF-1", JUNE, first - timedelta(seconds=1)).why
    assert earlier is not None
    assert earlier.startswith(f"It was not known yet: the first fact about it was recorded at {said}")


def test_history_tells_with_what_each_fact_came_and_went(engine: Engine, tmp_path: Path) -> None:
    for number, facts in enumerate(([patient("P-1")], [], [patient("P-1")])):
        load(engine, snapshot(tmp_path / "1", facts, sequence=10 + number))
    by_topic(engine, patient("P-1", "withdrawn", sequence=14, effective_on="2025-08-01"))

    first, second = told(engine, "lemtrada/patient/P-1")

    assert [(fact.status, fact.source.origin, fact.source.sequence, fact.source.version) for fact in (first, second)] == [
        ("enrolled", "snapshot", 10, 1), ("withdrawn", "topic", None, 4)]  # fmt: skip
    assert [(change.day, change.counts, change.source.sequence) for change in first.changes] == [(JUNE, False, 11), (JUNE, True, 12)]
    assert second.changes == ()
    assert [first.until(at) for at in loaded_at(engine)] == [None, JUNE, None]


def test_a_lot_is_asked_for_each_product(engine: Engine, tmp_path: Path) -> None:
    other = recall("B1", sequence=3) | {"ndc": "58468-0201-1"}
    again = recall("B1", "lifted", sequence=4, effective_on="2025-06-01") | {"ndc": "58468-0200-01"}
    load(engine, snapshot(tmp_path / "1", [recall("B1"), other, again], sequence=10))
    (at,) = loaded_at(engine)

    given = {day: sorted(fact.status for fact in asked(engine, "lemtrada/recall/B1", day, at).holds) for day in (MAY, JUNE)}
    assert given == {MAY: ["recalled", "recalled"], JUNE: ["lifted", "recalled"]}


def test_a_program_is_a_subject(engine: Engine, tmp_path: Path) -> None:
    mode = {"fact": "program", "program": "lemtrada", "sequence": 2, "effective_on": "2025-01-01", "mode": "discretion"}
    load(engine, snapshot(tmp_path / "1", [mode], sequence=10))
    assert status(engine, JUNE, loaded_at(engine)[0], "lemtrada/program") == "discretion"


@pytest.mark.parametrize(
    "text", ["", "lemtrada", "lemtrada/site", "lemtrada/site/", "/site/A", "lemtrada/colour/A", "lemtrada/program/other"]
)
def test_what_is_no_subject(text: str) -> None:
    with pytest.raises(Unusable, match="The subject must be written as"):
        read_subject(text)


def test_a_lot_may_have_a_slash() -> None:
    assert read_subject("lemtrada/recall/B/1").name == "B/1"
    assert [str(read_subject(text)) for text in ("a/program", "a/program/a", "a/site/b")] == ["a/program", "a/program", "a/site/b"]


def test_a_fact_of_no_load_is_no_answer(engine: Engine) -> None:
    body = json.dumps(site(1)).encode()
    with transaction(engine) as cursor:
        insert(cursor, Added(tables.FACT, [(1, 99, "site", "lemtrada", "HF-1", 1, MAY, body)]))
    with pytest.raises(Halt):
        told(engine, "lemtrada/site/HF-1")


def test_what_was_kept_aside_is_found_by_the_subject_of_its_fact(engine: Engine) -> None:
    """Of every kind; what is no fact has no subject."""
    kinds = set()
    for wire in FACTS_OF_THE_CASES:
        said = FACT.decoder.decode(json.dumps(wire).encode())
        if not isinstance(said, Heartbeat):
            kinds.add(wire["fact"])
            subject = Subject(wire["program"], wire["fact"], SUBJECT[type(said)](said))
            with transaction(engine) as cursor:
                assert cursor.execute("SELECT subject_of_fact(%s)", (canonical(said),)).fetchone() == (str(subject),)
    assert kinds == set(KINDS)
    with transaction(engine) as cursor:
        assert cursor.execute("SELECT subject_of_fact(%s)", (b'{"record_id":"R","status":"accepted"}',)).fetchone() == (None,)

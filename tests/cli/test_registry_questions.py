"""`gatekeeper registry show` and `registry history`, as a person types them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gatekeeper.arrivals import Position, Source
from gatekeeper.registry.learning import learn, read_fact_arrival
from gatekeeper.storage.engine import migrate, open_engine, transaction
from gatekeeper.storage.ledger import source_of
from tests.cli.conftest import Typing
from tests.storage.snapshots import load, rows, site, snapshot

ADDRESS = {"street": "100 Main St", "city": "Boston", "state": "MA", "postal_code": "02110"}


@pytest.fixture
def engine(database_url: str, tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(database_url)
    migrate(engine)
    load(engine, snapshot(tmp_path / "1", [site(1, address=ADDRESS), site(2, sequence=2)], sequence=10))
    load(engine, snapshot(tmp_path / "2", [site(1, address=ADDRESS)], sequence=11))
    yield engine
    engine.dispose()


@pytest.mark.usefixtures("engine")
def test_what_holds_is_shown_member_by_member(as_person: Typing) -> None:
    said = as_person(None, "registry", "show", "lemtrada/site/HF-1", "--on", "2025-03-01")
    lines = said.out.splitlines()
    assert (said.status, said.err) == (0, "")
    assert lines[0].startswith("lemtrada/site/HF-1 on 2025-03-01, as known at 2")
    assert [line.split(maxsplit=1) for line in lines[3:]] == [
        ["site_id", "HF-1"], ["class", "healthcare_facility"], ["status", "certified"], ["certified_on", "2025-01-01"],
        ["valid_through", "2199-12-31"],
        ["address.street", "100 Main St"], ["address.city", "Boston"], ["address.state", "MA"], ["address.postal_code", "02110"],
        ["identifiers.npi", "1000000001"], ["identifiers.account", "WD-1:1"],
    ]  # fmt: skip
    assert lines[1].split(maxsplit=2) == ["holds", "since", "2025-01-01 (sequence 1)"]
    assert "registry version 1, by the snapshot with sequence 10 as of 2025-06-01T12:00:00.000Z" in lines[2]


def test_what_was_known_then_is_another_thing(engine: Engine, as_person: Typing) -> None:
    first, second = [row[11].isoformat().replace("+00:00", "Z") for row in sorted(rows(engine, "registry_load"))]
    asked = ("registry", "show", "lemtrada/site/HF-2", "--on", "2025-06-02", "--known-at")
    assert "certified" in as_person(None, *asked, first).out
    assert "Nothing holds. It was left out by the snapshot with sequence 11" in as_person(None, *asked, second).out
    assert json.loads(as_person(None, *asked, first, "--json").out)["holds"][0]["status"] == "certified"
    assert json.loads(as_person(None, *asked, second, "--json").out)["holds"] == []


@pytest.mark.usefixtures("engine")
def test_history_is_a_line_a_fact(as_person: Typing) -> None:
    heads, fact = as_person(None, "registry", "history", "lemtrada/site/HF-2").out.splitlines()
    assert heads.split("\t") == ["effective on", "sequence", "status", "came", "by", "what became of it"]
    assert fact.split("\t")[:3] == ["2025-01-01", "2", "certified"]
    assert "ceased from 2025-06-01 by the snapshot with sequence 11" in fact
    (line,) = as_person(None, "registry", "history", "lemtrada/site/HF-2", "--json").out.splitlines()
    assert json.loads(line)["changes"][0]["known"]["snapshot_sequence"] == 11
    assert as_person(None, "registry", "history", "lemtrada/site/HF-9") == (
        0, "lemtrada/site/HF-9: it is unknown: no registry ever said anything of it.\n", "")  # fmt: skip


def test_history_has_what_was_kept_aside_too(engine: Engine, as_person: Typing) -> None:
    """What contradicts, and what a snapshot had said already: marked, with when it came, in its turn."""
    told = [
        site(1, "suspended", sequence=12, effective_on="2025-06-02"), site(1, "decertified", sequence=12, effective_on="2025-06-02"),
        site(1, "pending", sequence=5, effective_on="2025-03-01"), site(2, "withdrawn", sequence=6),
    ]  # fmt: skip
    for number, fact in enumerate(told):
        with transaction(engine) as cursor:
            source = Source(source_of(cursor, "registry-facts", "the topic"), "registry-facts", "the topic")
            learn(cursor, source, [read_fact_arrival(Position(0, number), json.dumps(fact).encode())], {})

    asked = ("registry", "history", "lemtrada/site/HF-1")
    _, *rows = [line.split("\t") for line in as_person(None, *asked).out.splitlines()]
    assert [row[:3] for row in rows] == [
        ["2025-01-01", "1", "certified"], ["2025-06-02", "12", "suspended"], ["2025-06-02", "12", "decertified"],
        ["2025-03-01", "5", "pending"],
    ]  # fmt: skip
    assert [row[5].partition(":")[0] for row in rows] == ["", "", "kept aside", "kept aside"]
    assert "contradicts" in rows[2][5]
    assert "snapshot" in rows[3][5]
    assert [row[3] for row in rows] == sorted(row[3] for row in rows)
    said = [json.loads(line) for line in as_person(None, *asked, "--json").out.splitlines()]
    assert [(each.get("aside"), each["fact"]["status"]) for each in said] == [
        (None, "certified"), (None, "suspended"), ("contradicts", "decertified"), ("in_snapshot", "pending"),
    ]  # fmt: skip
    assert said[2]["position"] == {"topic": "registry-facts", "partition": 0, "offset": 1}
    assert said[2]["came"] == rows[2][3]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("lemtrada/site/A", "--on", "2025-02-30"), "--on must be a day such as 2026-11-20."),
        (("lemtrada/site/A", "--on", "today"), "--on must be a day such as 2026-11-20."),
        (("lemtrada/site/A", "--known-at", "2025-02-01"), "--known-at must be an instant"),
        (("HF-1",), "The subject must be written as PROGRAM/site/ID, PROGRAM/patient/ID"),
    ],
)
@pytest.mark.usefixtures("engine")
def test_wrong_use_is_one_sentence(as_person: Typing, words: tuple[str, ...], sentence: str) -> None:
    said = as_person(None, "registry", "show", *words)
    assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith(sentence)

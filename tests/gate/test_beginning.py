"""How a batch begins under the ledger lock, whatever its topic."""

import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Cursor

from gatekeeper import desk
from gatekeeper.arrivals import Answer, Position, Source, read_arrival
from gatekeeper.domain.verdict import RELEASED
from gatekeeper.errors import Halt, TryAgain
from gatekeeper.feeds.acknowledging import read_acknowledgement_arrival, take_acknowledgements
from gatekeeper.gate import judge
from gatekeeper.goods.events import read_event_arrival, take_events
from gatekeeper.people.access import Person
from gatekeeper.programs import load_programs
from gatekeeper.registry.learning import learn, read_fact_arrival
from gatekeeper.rules import RuleBook, Rules
from gatekeeper.storage import ledger as storage
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.feed.rems import acknowledgement
from tests.gate.ledger import BUILT_IN, RULES, Ledger, order
from tests.gate.warehouse import event

KIM = Person("kim@example", "Kim")
Take = Callable[[Cursor[Any], Source, Sequence[Any]], list[Answer]]
TOPICS: dict[str, tuple[Callable[[Position, bytes], Any], Take, bytes]] = {
    "shipment-orders": (partial(read_arrival, programs=RULES.programs), partial(judge, rules=RULES), order()),
    "shipment-events": (read_event_arrival, partial(take_events, book=RuleBook.read()), event("cancelled")),
    "registry-facts": (read_fact_arrival, partial(learn, limits={}), b'{"kind":"heartbeat"}'),
    "rems-acknowledgements": (read_acknowledgement_arrival, take_acknowledgements, acknowledgement("2bd1f3f2-6d4c-5e0f-9c39-fd3a5b7a0d5e")),
}


def alter(ledger: Ledger, setting: str) -> None:
    """A setting of the database, which holds for sessions that begin after it."""
    with psycopg.connect(ledger.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET {setting}".encode())
    ledger.engine.dispose()


@pytest.mark.parametrize("topic", TOPICS)
def test_what_is_set_aside_after_it_was_read_is_refused_all_the_same(ledger: Ledger, topic: str) -> None:
    """A consumer has the message in hand while a person takes it out of the way: whoever comes first to the ledger is right."""
    ledger.load()
    read, take, message = TOPICS[topic]
    arrivals = [read(Position(0, 0), message), read(Position(0, 1), message)]
    with transaction(ledger.engine) as cursor:
        source = Source(storage.source_of(cursor, topic, f"{topic}, made once"), topic, f"{topic}, made once")
    desk.set_aside(ledger.engine, desk.Place(topic, 0, 1), "in the way", KIM, "")

    with transaction(ledger.engine) as cursor:
        answers = take(cursor, source, arrivals)

    assert b"in the way" not in (answers[0].refusal or (b"", b""))[1]
    assert answers[1].kind == "refused"
    assert answers[1].refusal is not None
    assert b'"set_aside":"in the way"' in answers[1].refusal.body


def test_what_was_judged_is_read_back_though_it_could_not_be_judged_now(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged and not yet published; the version that goes on has a fault in a check. A new message halts it, the old one does not."""
    ledger.load()
    placed = [(Position(0, 0), order("SO-1"))]
    first = ledger.judge_at(placed)

    def fault(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gatekeeper.examinations.drafting.decide", fault)

    assert [answer.examinations for answer in ledger.judge_at(placed)] == [answer.examinations for answer in first]
    with pytest.raises(Halt, match="shipment-orders/0/1"):
        ledger.judge_at([*placed, (Position(0, 1), order("SO-2"))])
    assert len(ledger.rows(tables.EXAMINATION)) == 1


def test_nothing_is_decided_while_a_commit_could_be_lost(ledger: Ledger) -> None:
    """The setting was right at the start, and is changed while the gate runs; the sessions that were open end, as in a restart."""
    ledger.load()
    alter(ledger, "synchronous_commit = off")

    with pytest.raises(TryAgain, match="synchronous_commit = off, so a commit could be lost"):
        ledger.judge(order())
    assert ledger.rows(tables.EXAMINATION) == []

    alter(ledger, "synchronous_commit = on")
    assert ledger.judge(order())[0].lines[0].outcome == RELEASED


def test_how_the_database_writes_dates_is_all_the_same(ledger: Ledger) -> None:
    ledger.load()
    alter(ledger, "datestyle = 'German'")

    assert ledger.judge(order())[0].lines[0].outcome == RELEASED


def test_what_is_released_on_an_authorization_has_no_end(ledger: Ledger, tmp_path: Path) -> None:
    """A program that asks for no authorization counts what is released on one all the same: more than fits into 32 bits."""
    lemtrada = (BUILT_IN / "lemtrada.toml").read_text(encoding="utf-8").replace('"authorized"', '"none"')
    (tmp_path / "lemtrada.toml").write_text(re.sub(r"units = \{.*?\}", "units = { vial = 1, case = 10000 }", lemtrada), encoding="utf-8")
    ledger.load()
    ledger.rules = Rules.of(load_programs(tmp_path))
    line = json.loads(order())["lines"][0] | {"quantity": 10_000, "unit": "case"}
    lines = {f"/lines/{number}": line | {"line": number + 1} for number in range(22)}

    [answer] = ledger.judge(order("SO-1", lines))

    assert {judged.outcome for judged in answer.lines} == {RELEASED}
    assert [row[-1] for row in ledger.rows(tables.UNITS)] == [22 * 10_000 * 10_000]

"""What takes something back goes first, however much else is still to be followed."""

from datetime import timedelta

import pytest

from gatekeeper.examinations.recording import Terms
from gatekeeper.following.steps import EVERYTHING_EVERY, step
from gatekeeper.storage import tables
from tests.gate.following import HF1, Always, causes, follow
from tests.gate.ledger import NOON, WORLD, Ledger, Wire, authorization, order
from tests.registry.conftest import telling
from tests.registry.telling import Telling

__all__ = ["telling"]

HF4 = next(fact for fact in WORLD if fact.get("site_id") == "HF4" and fact["fact"] == "site")
PATIENT = next(fact for fact in WORLD if fact.get("patient_id") == "P-1" and fact["fact"] == "patient")
PRESCRIBER = next(fact for fact in WORLD if fact.get("prescriber_id") == "PR-1" and fact["fact"] == "prescriber")
MANY = authorization("AU-MANY", 1000)
RECALL = {
    "fact": "recall",
    "program": "lemtrada",
    "effective_on": "2026-11-20",
    "ndc": "58468-0200-1",
    "lot": "A1234",
    "status": "recalled",
}


@pytest.fixture
def loaded(ledger: Ledger) -> Ledger:
    """Ten stopped lines, and one that was released after them."""
    ledger.load(MANY)
    follow(ledger)
    nobody = {"patient_id": "P-9", "authorization_id": "AU-9", "prescriber_id": "PR-9"}
    held = {"/lines/0/patient": nobody, "/lines/0/lot": "Z", "/ship_to/rems_site_id": "HF4"}
    ledger.judge(*(order(f"SO-HELD-{number}", held) for number in range(10)))
    ledger.judge(order(changes={"/lines/0/patient/authorization_id": "AU-MANY"}))
    assert len(ledger.rows(tables.OPEN_LINE)) == 10
    return ledger


def one_step(ledger: Ledger, orders: int = 1) -> None:
    step(ledger.engine, Always(ledger.rules), Terms(), orders=orders)


@pytest.mark.parametrize(
    "news",
    [
        HF1 | {"status": "suspended"},
        HF1 | {"status": "decertified"},
        HF1 | {"status": "withdrawn"},
        HF1 | {"status": "pending"},
        PATIENT | {"status": "withdrawn"},
        PRESCRIBER | {"status": "decertified"},
        MANY | {"status": "cancelled"},
        RECALL,
    ],
)
def test_the_withdrawal_comes_with_the_next_step(loaded: Ledger, telling: Telling, news: Wire) -> None:
    """Before facts that came before it, and before ten lines that are due already."""
    telling.tell(HF4 | {"sequence": 2000, "effective_on": "2026-11-20", "name": "Another name"})
    one_step(loaded)
    assert len(loaded.rows(tables.DUE)) == 9
    for number in range(3):
        telling.tell(HF4 | {"sequence": 2001 + number, "effective_on": "2026-11-20", "name": f"Name {number}"})
    telling.tell(news | {"sequence": 3000, "effective_on": "2026-11-20"})
    assert [row[1] for row in loaded.rows(tables.FOLLOW_UP)] == ["fact"] * 3 + ["stop"]

    one_step(loaded)

    assert causes(loaded) == ["message", "withdrawn"]
    assert [row[1] for row in loaded.rows(tables.FOLLOW_UP)] == ["fact"] * 3


@pytest.mark.parametrize(
    "news",
    [
        HF1 | {"status": "suspended"},
        HF1 | {"valid_through": "2026-11-19"},
        HF1 | {"class": "wholesaler"},
        None,
        PATIENT | {"status": "withdrawn"},
        PRESCRIBER | {"status": "decertified"},
        MANY | {"status": "cancelled"},
        RECALL,
    ],
)
def test_what_a_snapshot_takes_back_goes_before_the_rest_of_it(loaded: Ledger, news: Wire | None) -> None:
    """However late it stands in the file, and however many lines hang on what stands before it. Also a site that is left out."""
    renamed = HF4 | {"name": "Another name", "sequence": 900}
    world = [renamed if fact == HF4 else fact for fact in (*WORLD, MANY) if news or fact != HF1]
    loaded.load(*([news | {"sequence": 999}] if news else []), world=world)
    step(loaded.engine, Always(loaded.rules), Terms(), orders=1, facts=1)
    assert causes(loaded) == ["message", "withdrawn"]
    assert [row[1] for row in loaded.rows(tables.FOLLOW_UP)] == ["snapshot"]
    follow(loaded)
    assert causes(loaded)[:2] == ["message", "withdrawn"]


def test_what_is_due_first_stays_so_whatever_else_it_hangs_on(loaded: Ledger, telling: Telling) -> None:
    telling.tell(HF1 | {"sequence": 2000, "effective_on": "2026-11-20", "status": "suspended"})
    telling.tell(HF1 | {"sequence": 2001, "effective_on": "2026-11-20", "status": "suspended", "name": "Another name"})
    telling.tell(PATIENT | {"sequence": 2002, "effective_on": "2026-11-20"})
    telling.tell(HF4 | {"sequence": 2003, "effective_on": "2026-11-20", "name": "Another name"})
    for _ in range(4):
        one_step(loaded, orders=0)
    assert {row[1] for row in loaded.rows(tables.DUE)} == {"stop", "fact"}
    one_step(loaded)
    assert causes(loaded) == ["message", "withdrawn"]


def test_a_mode_takes_nothing_else_s_place(loaded: Ledger, telling: Telling) -> None:
    """It touches every order: what a suspension touches that is told after it does not wait for all of them."""
    mode = {"fact": "program", "program": "lemtrada", "sequence": 2000, "effective_on": "2026-11-20", "mode": "active"}
    telling.tell(mode, HF4 | {"sequence": 2001, "effective_on": "2026-11-20", "status": "suspended"}, batch=2)
    one_step(loaded, orders=0)
    assert [row[1] for row in loaded.rows(tables.FOLLOW_UP)] == ["fact"]
    telling.tell(HF1 | {"sequence": 2002, "effective_on": "2026-11-20", "status": "suspended"})
    one_step(loaded, orders=0)
    assert [row[1] for row in loaded.rows(tables.FOLLOW_UP)] == ["fact"]
    assert {row[1] for row in loaded.rows(tables.DUE)} == {"stop"}


def test_alerts_and_look_backs_come_however_many_facts_do(loaded: Ledger, telling: Telling) -> None:
    loaded.set_clock(NOON + timedelta(hours=30))
    telling.tell(RECALL | {"sequence": 3000})
    for turn in range(5 * EVERYTHING_EVERY):
        telling.tell(HF4 | {"sequence": 4000 + turn, "effective_on": "2026-11-20", "name": f"Name {turn}"})
        assert step(loaded.engine, Always(loaded.rules), Terms(), turn)
    assert {"lot_recalled", "registry_stale"} <= {row[1] for row in loaded.rows(tables.ALERT)}

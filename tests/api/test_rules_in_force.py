"""What the API says follows the rules in force, as the gate does, and not those that are prepared."""

from pathlib import Path
from typing import Any

import pytest

from gatekeeper.api.app import make_app
from gatekeeper.rules import RuleBook
from tests.api.desk import Desk
from tests.gate.ledger import BUILT_IN, NOON, WORLD, order

TO_COME = {
    "in_force_from = 2014-11-14": "in_force_from = 2027-01-01", 'version = "2026-11-01"': 'version = "2027-01-01"',
    "certification_years = 2": "certification_years = 1", "ship_date_limit_days = 7": "ship_date_limit_days = 1",
    '"America/New_York"': '"Pacific/Honolulu"',
}  # fmt: skip
SITE = "/v1/sites/lemtrada/HF1"


@pytest.fixture
def prepared(desk: Desk, tmp_path: Path) -> Desk:
    """Stricter rules hold from next year on; the site was certified more than a year ago, for no said time."""
    rules = (BUILT_IN / "lemtrada.toml").read_text()
    (tmp_path / "now.toml").write_text(rules)
    for old, new in TO_COME.items():
        assert old in rules
        rules = rules.replace(old, new)
    (tmp_path / "later.toml").write_text(rules)
    book = RuleBook.read(tmp_path)
    desk.app = make_app(desk.settings, desk.engine, book)
    desk.client = desk.app.test_client()
    world: list[Any] = [{name: value for name, value in fact.items() if name != "valid_through"} | {"certified_on": "2025-10-01"}
                        if fact.get("site_id") == "HF1" and fact["fact"] == "site" else fact for fact in WORLD]  # fmt: skip
    desk.ledger.load(world=world)
    desk.ledger.rules = book.at(NOON)
    desk.ledger.judge(order("SO-1"), order("SO-2", {"/lines/0/patient": None}))
    return desk


def test_a_site_is_certified_by_the_rules_of_the_day(prepared: Desk) -> None:
    [line] = prepared.answer("/v1/orders/WD-001/SO-1")["examinations"][0]["lines"]
    assert line["outcome"] == "released"
    assert (prepared.answer(SITE)["certified"], prepared.answer(SITE)["on"]) == (True, "2026-11-20")
    found = {
        on: prepared.answer(f"/v1/sites?program=lemtrada&certified=true&site_id=HF1&at={on}")["sites"]
        for on in ("2026-12-31", "2027-01-01")
    }
    assert [len(sites) for sites in found.values()] == [1, 0]
    assert not prepared.answer(f"{SITE}?at=2027-01-01")["certified"]


def test_when_the_ship_date_passes_is_by_the_rules_in_force(prepared: Desk) -> None:
    whole = prepared.answer("/v1/orders/WD-001/SO-2")
    [listed] = [one for one in prepared.answer("/v1/orders?state=open")["orders"] if one["order_id"] == "SO-2"]
    digest = prepared.answer("/v1/digest?day=2026-11-20")
    [opened] = [one["order"] for one in digest["opened"]]
    passes = {one["ship_date_passes_at"] for one in (whole, listed, opened)}
    assert passes == {"2026-12-01T05:00:00.000Z"}
    assert digest["since"] == "2026-11-20T05:00:00.000Z"

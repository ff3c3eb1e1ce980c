"""What time does to lines that wait: a day begins, a watch ends, a registry grows old and is fresh again."""

from datetime import timedelta

import pytest

from gatekeeper.storage import tables
from tests.gate.following import HF1, LIFTED, SUSPENDED, causes, codes, examinations, follow, states
from tests.gate.ledger import NOON, Ledger, authorization, order


@pytest.fixture
def loaded(ledger: Ledger) -> Ledger:
    ledger.load(authorization("AU-MANY", 1000))
    follow(ledger)
    return ledger


def test_nothing_is_released_on_its_own_long_after_it_was_wanted(loaded: Ledger) -> None:
    loaded.judge(order(changes={"/ship_to/rems_site_id": "NEW-1", "/lines/0/patient/administering_site_id": None}))
    loaded.set_clock(NOON + timedelta(days=12))
    follow(loaded)
    loaded.load(HF1 | {"site_id": "NEW-1", "sequence": 950}, as_of=NOON + timedelta(days=12))
    follow(loaded)
    assert all(released is None for _, _, released, _ in examinations(loaded))
    assert "ship_date_passed" in codes(examinations(loaded)[-1][3])[0]


def test_a_day_that_begins_stops_and_clears(loaded: Ledger) -> None:
    """A suspension told in advance withdraws on its day in the program's zone, not before; its end releases again."""
    coming = [SUSPENDED | {"effective_on": "2026-11-21"}, LIFTED | {"effective_on": "2026-11-22"}]
    loaded.load(*coming)
    loaded.judge(order())
    follow(loaded)
    for at, expected in (
        (NOON.replace(hour=23, minute=59), []),
        (NOON + timedelta(hours=12), ["withdrawn"]),
        (NOON + timedelta(hours=36), ["withdrawn", "again"]),
    ):
        loaded.set_clock(at)
        loaded.load(*coming, as_of=at)
        follow(loaded)
        assert causes(loaded)[1:] == expected


def test_after_the_watch_has_ended_nothing_is_withdrawn(loaded: Ledger) -> None:
    """Three business days after Monday the 23rd, Thanksgiving not among them: at the end of the 27th."""
    loaded.judge(order())
    [row] = loaded.rows(tables.WATCHED_LINE)
    assert row[6].isoformat() == "2026-11-28T05:00:00+00:00"
    loaded.set_clock(row[6])
    loaded.load(SUSPENDED, as_of=row[6])
    assert follow(loaded) == 0
    assert states(loaded) == ([], [])


def test_just_before_it_has_ended_it_is(loaded: Ledger) -> None:
    loaded.judge(order())
    [row] = loaded.rows(tables.WATCHED_LINE)
    loaded.set_clock(row[6] - timedelta(milliseconds=1))
    loaded.load(SUSPENDED, as_of=row[6])
    follow(loaded)
    assert causes(loaded) == ["message", "withdrawn"]


def test_an_old_registry_withdraws_nothing_and_a_fresh_one_releases(loaded: Ledger) -> None:
    loaded.judge(order())
    later = NOON + timedelta(hours=25)
    loaded.set_clock(later)
    loaded.judge(order("SO-2", {"/lines/0/patient/authorization_id": "AU-MANY"}))
    assert codes(examinations(loaded, "SO-2")[0][3]) == [["registry_stale"]]
    assert follow(loaded) == 0
    loaded.load(authorization("AU-MANY", 1000), as_of=later)
    assert follow(loaded) == 1
    assert examinations(loaded, "SO-2")[-1][2]["lines"][0]["outcome"] == "released"
    assert causes(loaded) == ["message"]

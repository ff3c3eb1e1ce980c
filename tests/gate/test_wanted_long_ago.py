"""Nothing is released on its own long after it was wanted, also where its program has ended; a person may still ask for it."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from gatekeeper.examinations.recording import Terms
from gatekeeper.following import steps as following
from gatekeeper.following.reexamination import judge_again
from gatekeeper.programs import BUILT_IN
from gatekeeper.rules import RuleBook
from gatekeeper.storage.engine import transaction
from tests.gate.following import SUSPENDED, Always, causes, examinations, follow, states
from tests.gate.ledger import NOON, Ledger, Wire, authorization, order

ENDED: Wire = {"fact": "program", "program": "lemtrada", "sequence": 950, "effective_on": "2026-11-20", "mode": "ended"}
SHIP_ON = date(2026, 11, 23)
LIMIT_DAYS = 7
OPEN = ([("SO-1", 1, 1)], [])


@pytest.fixture
def stopped(ledger: Ledger) -> Ledger:
    """An order that was stopped for its site."""
    ledger.load(authorization("AU-MANY", 1000), SUSPENDED)
    ledger.judge(order())
    follow(ledger)
    assert states(ledger) == OPEN
    return ledger


@pytest.mark.parametrize(("days", "released"), [(LIMIT_DAYS, True), (LIMIT_DAYS + 1, False)])
def test_a_program_that_ends_releases_nothing_that_was_wanted_long_ago(stopped: Ledger, days: int, *, released: bool) -> None:
    at = NOON + (SHIP_ON - NOON.date()) + timedelta(days=days)
    stopped.set_clock(at)
    follow(stopped)
    before = causes(stopped)
    stopped.load(authorization("AU-MANY", 1000), SUSPENDED, ENDED, as_of=at)
    assert follow(stopped) == released
    assert (states(stopped) != OPEN) == released
    if released:
        assert examinations(stopped)[-1][2]["lines"][0]["outcome"] == "not_covered"
        return
    assert causes(stopped) == before
    with transaction(stopped.engine) as cursor:
        [(examination, _)] = cursor.execute("SELECT examination, line FROM moving_open_line").fetchall()
        judge_again(cursor, Always(stopped.rules), Terms(), [examination], asked_for=True)
    assert examinations(stopped)[-1][2]["lines"][0]["outcome"] == "not_covered"


def test_rules_that_end_release_nothing_that_was_wanted_long_ago(stopped: Ledger, tmp_path: Path) -> None:
    text = (BUILT_IN / "lemtrada.toml").read_text(encoding="utf-8")
    since = "in_force_from = 2014-11-14"
    (tmp_path / "lemtrada.toml").write_text(text.replace(since, f"{since}\nin_force_through = 2026-12-31"), encoding="utf-8")
    book = RuleBook.read(tmp_path)
    stopped.set_clock(NOON + timedelta(days=400))
    assert book.at(NOON).programs
    assert not book.at(NOON + timedelta(days=400)).programs
    assert follow(stopped, book=book) == 0
    assert states(stopped) == OPEN


def test_what_hangs_on_a_mode_is_gone_through_part_by_part(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LINES_AT_ONCE", 2)
    ledger.load(authorization("AU-MANY", 1000), SUSPENDED)
    names = [f"SO-{number}" for number in range(1, 6)]
    ledger.judge(*map(order, names))
    follow(ledger)
    ledger.load(authorization("AU-MANY", 1000), SUSPENDED, ENDED)
    assert follow(ledger) == len(names)
    assert [examinations(ledger, name)[-1][2]["lines"][0]["outcome"] for name in names] == ["not_covered"] * len(names)

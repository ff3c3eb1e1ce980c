"""Long histories, at random: whatever happens in whatever order, what must hold of a ledger holds."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from gatekeeper.following.reexamination import judge_due
from gatekeeper.following.steps import expand
from gatekeeper.goods.unreported import end_watches
from gatekeeper.storage import ledger as storage
from gatekeeper.storage import moving
from tests.gate.following import Always
from tests.gate.ledger import Ledger, undone
from tests.gate.long_histories import History, rules_of
from tests.gate.test_again import wrong
from tests.gate.what_must_hold import assert_all_holds, assert_asked_rightly, plainly
from tests.writings import Dice

HAPPENINGS = 60
USUAL = (0, 1, 7, 11)
SEEDS = range(int(os.environ.get("HISTORIES", "0"))) or USUAL
"""``make histories`` tries more of them than a day's tests do."""


def assert_nothing_is_left_to_do(history: History) -> None:
    """Judging everything again that waits releases nothing and withdraws nothing."""
    ledger, book, reporting = history.ledger, Always(history.ledger.rules), history.terms.reports_shipments
    with undone(ledger.engine) as cursor:
        tail = storage.read_tail(cursor)
        moving.follow(cursor, "rules", tail.examination)
        while expand(cursor, book, 1000) or end_watches(cursor, reporting, 1000) or judge_due(cursor, book, history.terms, 50):
            pass
        new = cursor.execute("SELECT cause, released, stopped FROM examination WHERE id > %s", (tail.examination,)).fetchall()
        assert [row for row in new if row[0] != "again" or row[1] is not None] == []


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[int, set[str]]]:
    """By seed, what happened in its history. Together the usual ones show what matters; of a chosen few nobody asks it."""
    seen: dict[int, set[str]] = {}
    yield seen
    if seen.keys() >= set(USUAL):
        assert set().union(*seen.values()) >= {
            "message released",
            "again released",
            "withdrawn not",
            "superseded not",
            "cancelled not",
            "shipped not",
        }


@pytest.mark.parametrize("seed", SEEDS)
def test_what_must_hold_holds(ledger: Ledger, tmp_path: Path, seed: int, seen: dict[int, set[str]]) -> None:
    """Of every odd seed the wholesaler reports shipments; every fourth one ships whole orders only."""
    rules = rules_of(tmp_path, whole_orders=seed % 4 == 3)
    history = History(ledger, Dice(Random(seed)), rules, reports=seed % 2 == 1)  # noqa: S311
    last = 0
    try:
        for number in range(HAPPENINGS):
            history.happen()
            last = assert_asked_rightly(ledger, last)
            if number % 10 == 9:
                history.follow()
                last = assert_asked_rightly(ledger, last)
                assert_all_holds(ledger, plainly(ledger), history.at)
                assert_nothing_is_left_to_do(history)
    except AssertionError as failed:
        failed.add_note("\n".join(history.told))
        raise
    assert wrong(ledger) == []
    seen[seed] = plainly(ledger).seen

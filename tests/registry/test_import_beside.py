"""A snapshot that is imported while facts are told: nothing is lost, doubled or revived, and nobody waits for long."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from psycopg.sql import SQL, Composed
from sqlalchemy import Engine

from gatekeeper.domain.facts import holding
from gatekeeper.registry import importing as registry
from gatekeeper.registry.importing import Terms, import_file
from gatekeeper.storage import tables
from gatekeeper.storage.ledger import LEDGER_LOCK
from gatekeeper.storage.registry import IMPORT_LOCK
from tests.real.waiting import wait_until
from tests.registry.telling import Telling
from tests.registry.test_learning import DAY, status, whole
from tests.storage.snapshots import PROGRAMS, Silent, Wire, load, recall, site, snapshot
from tests.storage.test_registry_interrupted import holding_up, sessions

OLD, FRESH = "2026-11-18T12:00:00Z", "2026-11-20T16:00:00Z"
YESTERDAY = date(2026, 11, 19)
LONG_AGO = date(2025, 6, 1)


class Meanwhile(Silent):
    """Something is told when a load comes to one of these steps."""

    def __init__(self, tell: Callable[[], object], *steps: str) -> None:
        self._tell, self._steps = tell, steps

    def step(self, words: str) -> None:
        if words in self._steps:
            self._tell()


def load_while(telling: Telling, path: Path, watcher: Silent) -> None:
    import_file(telling.engine, path, Terms(PROGRAMS, 100), watcher)


@pytest.mark.parametrize("step", ["Sealing", "Switching"])
def test_what_is_told_while_a_snapshot_is_loaded_is_in_it_or_gone(telling: Telling, tmp_path: Path, step: str) -> None:
    """What the snapshot has too counts once, what it leaves out counts no more, what it corrects is corrected."""
    telling.load(site(9, sequence=2), sequence=5, as_of=OLD)
    meanwhile: list[Wire] = [
        site(1, sequence=7), site(2, sequence=8, effective_on="2026-11-19"), site(3, sequence=12), site(4, "suspended", sequence=9),
        recall("B1", sequence=10),
    ]  # fmt: skip
    facts = [site(1, sequence=7), site(4, sequence=9)]
    path = snapshot(tmp_path / "1", facts, sequence=11, as_of=FRESH)
    load_while(telling, path, Meanwhile(lambda: telling.tell(*meanwhile), step))

    assert [status(telling, f"HF-{number}") for number in (1, 2, 3, 4)] == ["certified", None, "certified", "certified"]
    assert status(telling, "HF-2", YESTERDAY) == "certified"
    assert holding(telling.asked("recall", "lemtrada", "B1"), YESTERDAY).status == "recalled"  # type: ignore[union-attr]
    assert [counting(telling, "HF-1", day) for day in (LONG_AGO, YESTERDAY, DAY)] == [1, 1, 1]
    assert telling.tell(*meanwhile) == ["repeat"] * 5
    assert whole(telling)

    # Left out and named again, it is still one.
    telling.load(sequence=20, as_of=FRESH)
    assert counting(telling, "HF-1") == 0
    telling.load(*facts, sequence=21, as_of=FRESH)
    assert counting(telling, "HF-1") == 1
    assert whole(telling)


def counting(telling: Telling, name: str, day: date = DAY) -> int:
    """How many facts of the site count for a day."""
    facts = telling.asked("site", name)
    return len([fact for fact in facts if fact.effective_on <= day and (fact.until is None or fact.until > day)])


@pytest.mark.parametrize("most", [0, 1000])
def test_much_that_is_told_meanwhile_is_settled_before_everybody_waits(
    telling: Telling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """In whatever pieces, what settles it is bound by the load's digest."""
    monkeypatch.setattr(registry, "MOST_SETTLED_LAST", most)
    told = iter([[site(number, sequence=number + 10)] for number in range(1, 4)])
    path = snapshot(tmp_path / "1", [], sequence=100, as_of=FRESH)
    load_while(telling, path, Meanwhile(lambda: telling.tell(*next(told)), "Sealing", "Switching"))

    assert [counting(telling, f"HF-{number}") for number in range(1, 4)] == [0, 0, 0]
    assert len(telling.rows(tables.FACT_PRESENCE)) == 2
    assert whole(telling)


POINTS: dict[str, Composed] = {
    "before its turn": SQL("SELECT pg_advisory_xact_lock({})").format(IMPORT_LOCK),
    "before the ledger lock": SQL("SELECT pg_advisory_xact_lock({})").format(LEDGER_LOCK),
}


@pytest.mark.parametrize("point", POINTS)
def test_an_import_and_facts_at_once_never_wait_for_each_other_in_a_circle(telling: Telling, tmp_path: Path, point: str) -> None:
    """Both about the same sites and identifiers, again and again: both end, and the registry is what one order of the two gives."""
    telling.load(*[site(number, sequence=number) for number in range(1, 9)], sequence=10, as_of=OLD)
    files = [
        snapshot(tmp_path / f"{turn}", [site(number, sequence=20 * turn + number) for number in range(1, 5)], sequence=20 * turn + 9,
                 as_of=FRESH)
        for turn in range(1, 6)
    ]  # fmt: skip
    told = [[site(number % 8 + 1, "suspended", sequence=20 * turn + 9 + number % 8) for number in range(10)] for turn in range(1, 30)]

    def imports(engine: Engine) -> None:
        for file in files:
            load(engine, file)

    with ThreadPoolExecutor(2) as both:
        with holding_up(telling.ledger.url, POINTS[point]) as connection:
            done: list[Future[Any]] = [
                both.submit(imports, telling.engine),
                both.submit(lambda: [telling.tell(*facts, batch=3) for facts in told]),
            ]
            wait_until(lambda: sessions(connection, waiting=True) >= 1, 120, "somebody waits")
        for one in done:
            one.result(120)

    assert len(telling.rows(tables.REGISTRY_LOAD)) == 6
    assert all(status(telling, f"HF-{number}") in {"certified", "suspended"} for number in range(1, 5))
    assert whole(telling)

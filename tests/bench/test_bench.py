"""Every part of the benchmark runs. How fast is no test's business; each round checks that what was published is right."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import costs, latency, throughput
from tests.bench.__main__ import ALONE, OWN, PLACED, QUICK_SIZES
from tests.bench.pipelines import BARE, BARE_DATABASE, GATE, GATE_TWICE
from tests.bench.place import Place, prepared
from tests.bench.world import orders

HERE = (BARE, GATE, GATE_TWICE, BARE_DATABASE)
"""Quix Streams needs an environment of its own, which a test does not make."""


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with prepared(QUICK_SIZES) as place:
        yield place


@pytest.mark.parametrize("part", ALONE)
def test_it_runs_alone(part: str, tmp_path: Path) -> None:
    assert ALONE[part](tmp_path, True).startswith("| ")  # noqa: FBT003 - the quick form


@pytest.mark.parametrize("part", ["recovery", "bytes", "profile", "facts", "import"])
def test_it_runs_on_a_broker_and_a_database(part: str, place: Place) -> None:
    assert PLACED[part](place, True).startswith("| ")  # noqa: FBT003 - the quick form


@pytest.mark.parametrize("part", OWN)
def test_it_runs_on_a_ledger_of_its_own(part: str, place: Place) -> None:
    assert OWN[part](place, True).startswith("| ")  # noqa: FBT003 - the quick form


def test_pipelines_are_compared(place: Place) -> None:
    assert throughput.measure(place, throughput.QUICK, HERE).count("\n| ") >= 5
    assert latency.measure(place, latency.QUICK).count("\n| ") == 5


def test_memory_is_watched(place: Place) -> None:
    assert costs.memory(place, first=100, last=200).startswith("| ")


def test_the_load_is_as_said() -> None:
    sent = list(orders("load", 4000, QUICK_SIZES))
    lines = sum(order.value.count(b'"line":') for order in sent)
    covered = sum(order.value.count(b'"58468-0200-1"') for order in sent)
    records = sum(order.records for order in sent)
    assert (round(lines / 4000, 1), round(covered / lines, 1), round((covered - records) / lines, 2)) == (3.0, 0.3, 0.05)

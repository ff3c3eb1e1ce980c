"""The sample holds on any day: what a story tells comes true whenever the demonstration is run."""

import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consumers.demo.sample import Sample, lines_of, sample, snapshots
from gatekeeper.instants import instant_of
from gatekeeper.judging.deciding import answers, load
from gatekeeper.programs import load_programs
from gatekeeper.registry.snapshot import open_snapshot
from tests.demo.expected import EXPECTED, Expected

PROGRAMS = load_programs(None)


def decided(told: Sample, at: datetime, folder: Path) -> list[dict[str, Any]]:
    registry = folder / "registry.ndjson"
    registry.write_bytes(lines_of(fact for facts in told.facts.values() for fact in facts))
    orders = io.BytesIO(b"".join(story.message + b"\n" for story in told.stories))
    return [json.loads(answer) for answer in answers(orders, "orders", load(registry, PROGRAMS, at), PROGRAMS, at)]


def lines_of_answer(answer: dict[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if answer.get("repeat"):
        return ()
    return tuple(
        (line["outcome"].replace("_", " "), tuple(reason["code"] for reason in line["reasons"])) for line in answer.get("lines", ())
    )


def as_expected(expected: Expected, answer: dict[str, Any]) -> bool:
    if expected.outcome == "refused":
        return "refused" in answer
    return (answer["order_id"], lines_of_answer(answer)) == (expected.order_id, expected.lines)


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=1), timedelta(hours=20)], ids=str)
@pytest.mark.parametrize(
    "at",
    [
        "2026-11-21T04:30:00Z",
        "2028-02-29T12:00:00Z",
        "2028-02-28T23:59:59-05:00",
        "2028-02-29T23:59:59-05:00",
        "2028-03-01T00:00:00-05:00",
        "2027-03-14T06:59:59Z",
        "2026-11-01T05:30:00Z",
        "2026-12-31T23:59:59-05:00",
        "2030-02-28T12:00:00Z",
        "2099-12-31T23:00:00Z",
    ],
)
def test_every_story_comes_true(at: str, later: timedelta, tmp_path: Path) -> None:
    made = instant_of(at)
    told = sample(made, PROGRAMS[0])
    found = decided(told, made + later, tmp_path)
    assert len(found) == len(EXPECTED) == len(told.stories)
    assert [answer for expected, answer in zip(EXPECTED, found, strict=True) if not as_expected(expected, answer)] == []


def test_the_snapshots_are_whole(tmp_path: Path) -> None:
    at = instant_of("2026-11-21T04:30:00Z")
    told = sample(at, PROGRAMS[0])
    files = snapshots(told.facts, at)
    assert set(files) == {"lemtrada", "isotretinoin"}
    for program, snapshot in files.items():
        path = tmp_path / program
        path.write_bytes(snapshot)
        with open_snapshot(path, at) as (header, facts):
            assert header is not None
            assert len(list(facts)) == len(told.facts[program]) == header.facts


def test_every_site_of_the_registry_has_a_name() -> None:
    told = sample(instant_of("2026-11-21T04:30:00Z"), PROGRAMS[0])
    assert {fact["site_id"] for facts in told.facts.values() for fact in facts if fact["fact"] == "site"} == told.names.keys()

"""The judge names what is wrong with what followed, on a few rows by hand; and nothing where nothing is."""

import json
from collections import defaultdict
from typing import Any

import pytest

from tests.faults.followed import (
    EVENTS_LOST,
    EVENTS_TWICE,
    FACTS_LOST,
    FACTS_TWICE,
    FINDINGS_TWICE,
    LEFT_UNDONE,
    LOOK_BACKS_MISSING,
    OUTDATED,
    RELEASED_ANYWAY,
    UNEXPLAINED,
    WITHDRAWALS_MISSING,
    Event,
    Examination,
    Fact,
    Followed,
    LookBack,
    Told,
    judge_followed,
)
from tests.faults.labels import EVENTS, FACTS, NOTHING, RELEASED, STOPPED, Telling
from tests.faults.relayed import (
    ENTRIES_DISORDERED,
    ENTRIES_MISSING,
    ENTRIES_TWICE,
    WITHDRAWALS_EARLY,
    WITHDRAWALS_TWICE,
    Entry,
    Output,
    judge_relayed,
)

SITE = ("site", "HF-1")
ONE, TWO, THREE = ("WD-1", "SO-1"), ("WD-1", "SO-2"), ("WD-1", "SO-3")
HANGS = {1: (SITE,)}
FREE = frozenset({1})
SUSPENDED = {1: frozenset({"site_suspended"})}
FACT = Telling(FACTS, 0, b"", frozenset({"fact"}))
EVENT = Telling(EVENTS, 0, b"", frozenset({"event"}))


def fact(number: int, says: str, block: int) -> Fact:
    return Fact(number, SITE, number, "2026-01-01", says, block, f"{number} {says}")


def first(number: int, order: tuple[str, str], block: int, version: int, **said: Any) -> Examination:
    return Examination(number, order, 1, 1, "message", block, version, hangs_on=HANGS, **said)


RELEASE = first(1, ONE, 3, 1, released=FREE)
WITHDRAWAL = Examination(2, ONE, 1, 2, "withdrawn", 5, 2, withdrawn=FREE, stopped=SUSPENDED, hangs_on=HANGS)
STOP = first(3, TWO, 6, 2, stopped=SUSPENDED)
CANCELLED = first(4, THREE, 7, 2, stopped={1: frozenset({"order_cancelled"})})
BACK = Examination(5, ONE, 1, 3, "again", 9, 3, released=FREE, hangs_on=HANGS)
AGAIN = Examination(6, TWO, 1, 2, "again", 10, 3, released=FREE, hangs_on=HANGS)
EXAMINATIONS = (RELEASE, WITHDRAWAL, STOP, CANCELLED, BACK, AGAIN)
FACT_ROWS = (fact(1, "certified", 1), fact(2, "suspended", 4), fact(3, "certified", 8))
LOOKED = (LookBack(1, 2, "look_back", 1, alerted=True), LookBack(2, 3, "look_back", 0, alerted=False))


def seen(**changes: Any) -> Followed:
    """Released, withdrawn by a suspension and released again; stopped by it and released; cancelled before it came."""
    return Followed(
        examinations=EXAMINATIONS,
        living=frozenset({ONE, TWO, THREE}),
        facts=FACT_ROWS,
        versions=((1, 1), (2, 4), (3, 8)),
        events=(Event("EV-1", THREE, 1, "cancelled", (), 2),),
        told=(Told("facts/0/0", FACT, ("fact",), NOTHING), Told("events/0/0", EVENT, ("event",), NOTHING)),
        expected=("2 suspended", "3 certified"),
        expected_events=("EV-1",),
        look_backs=LOOKED,
        findings=((1, 1, 1),),
    )._replace(**changes)


def without(number: int, *instead: Examination) -> tuple[Examination, ...]:
    return tuple(sorted((*(each for each in EXAMINATIONS if each.id != number), *instead)))


def counts(what: Followed) -> dict[str, int]:
    found: dict[str, list[str]] = defaultdict(list)
    judge_followed(what, found)
    return {fault: len(cases) for fault, cases in found.items() if cases}


def test_where_everything_followed_nothing_is_found() -> None:
    assert counts(seen()) == {}


SUSPENDED_FOR_GOOD = seen(examinations=(RELEASE, WITHDRAWAL, STOP, CANCELLED), facts=FACT_ROWS[:2], expected=(), look_backs=LOOKED[:1])
NOT_WITHDRAWN = SUSPENDED_FOR_GOOD._replace(examinations=(RELEASE, STOP, CANCELLED))


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (SUSPENDED_FOR_GOOD, {}),
        (NOT_WITHDRAWN, {WITHDRAWALS_MISSING: 1}),
        (NOT_WITHDRAWN._replace(events=(*seen().events, Event("EV-2", ONE, 1, "shipped", (1,), 4))), {}),
        (SUSPENDED_FOR_GOOD._replace(events=(*seen().events, Event("EV-2", ONE, 1, "shipped", (1,), 4))), {UNEXPLAINED: 1}),
        (SUSPENDED_FOR_GOOD._replace(findings=(), look_backs=(LookBack(1, 2, "look_back", 0, alerted=False),)), {LOOK_BACKS_MISSING: 1}),
        (seen(examinations=without(3, STOP._replace(released=FREE, stopped={}))), {RELEASED_ANYWAY: 1, UNEXPLAINED: 1}),
        (seen(examinations=without(3, STOP._replace(stopped={1: frozenset({"site_unknown"})}))), {UNEXPLAINED: 1}),
        (seen(examinations=without(3, STOP._replace(version=1))), {UNEXPLAINED: 1}),
        (seen(examinations=without(6, AGAIN._replace(number=3))), {UNEXPLAINED: 1}),
        (seen(examinations=without(2)), {UNEXPLAINED: 2}),
        (seen(examinations=without(4, CANCELLED._replace(stopped=SUSPENDED))), {UNEXPLAINED: 1}),
        (seen(examinations=without(5)), {OUTDATED: 1}),
        (seen(outdated=("a line",)), {OUTDATED: 1}),
        (seen(left_undone=3), {LEFT_UNDONE: 3}),
        (seen(expected=("4 certified",)), {FACTS_LOST: 1}),
        (seen(not_heard=("lemtrada",)), {FACTS_LOST: 1}),
        (seen(facts=(*FACT_ROWS, FACT_ROWS[0])), {FACTS_TWICE: 1}),
        (seen(told=(Told("0", FACT, (), NOTHING),)), {FACTS_LOST: 1}),
        (seen(told=(Told("0", FACT, ("aside",), NOTHING),)), {FACTS_LOST: 1}),
        (seen(told=(Told("0", FACT, ("fact", "fact"), NOTHING),)), {FACTS_TWICE: 1}),
        (seen(told=(Told("0", EVENT, (), NOTHING),)), {EVENTS_LOST: 1}),
        (seen(told=(Told("0", EVENT, ("event",), frozenset({(RELEASED, "something")})),)), {EVENTS_LOST: 1}),
        (seen(expected_events=("EV-9",)), {EVENTS_LOST: 1}),
        (seen(events=seen().events * 2), {EVENTS_TWICE: 1}),
        (seen(look_backs=LOOKED[:1]), {LOOK_BACKS_MISSING: 1}),
        (seen(look_backs=(*LOOKED, LookBack(3, 3, "look_back", 0, alerted=False))), {FINDINGS_TWICE: 1}),
        (seen(findings=((1, 1, 1), (2, 1, 1))), {LOOK_BACKS_MISSING: 1}),
        (seen(findings=((1, 1, 1), (1, 1, 1))), {FINDINGS_TWICE: 1, LOOK_BACKS_MISSING: 1}),
    ],
)
def test_each_fault_of_what_followed_is_named(what: Followed, expected: dict[str, int]) -> None:
    assert counts(what) == expected


def said(topic: str, number: int, outcome: str, *, source: str = "") -> Output:
    body = {"wholesaler_id": "WD-1", "order_id": "SO-1", "revision": 1, "lines": [{"line": 1, "outcome": outcome}]}
    return Output(topic, f"verdict {number}", (-1, -1), "block", json.dumps(body).encode(), source)


OUT = said(RELEASED, 1, "released", source="shipment-orders")
TAKEN, TAKEN_TOO = said(RELEASED, 2, "withdrawn"), said(STOPPED, 2, "blocked")
OUT_AGAIN = said(RELEASED, 3, "released")
OUTBOX = (Entry(1, ((RELEASED, "verdict 2"), (STOPPED, "verdict 2"))), Entry(2, ((RELEASED, "verdict 3"),)))


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ((OUT, TAKEN, OUT_AGAIN, TAKEN_TOO), {}),
        ((OUT, TAKEN, OUT_AGAIN), {ENTRIES_MISSING: 1}),
        ((OUT, TAKEN, OUT_AGAIN, TAKEN_TOO, TAKEN_TOO), {ENTRIES_TWICE: 1}),
        ((OUT, TAKEN, TAKEN, OUT_AGAIN, TAKEN_TOO), {ENTRIES_TWICE: 1, WITHDRAWALS_TWICE: 1}),
        ((TAKEN, OUT, OUT_AGAIN, TAKEN_TOO), {WITHDRAWALS_EARLY: 1}),
        ((OUT, OUT_AGAIN, TAKEN, TAKEN_TOO), {ENTRIES_DISORDERED: 1}),
        ((OUT, TAKEN, OUT_AGAIN, TAKEN_TOO, said(RELEASED, 4, "released")), {ENTRIES_TWICE: 1, ENTRIES_DISORDERED: 1}),
    ],
)
def test_each_fault_of_the_relay_is_named(outputs: tuple[Output, ...], expected: dict[str, int]) -> None:
    found: dict[str, list[str]] = defaultdict(list)
    judge_relayed(outputs, OUTBOX, found)
    assert {fault: len(cases) for fault, cases in found.items() if cases} == expected

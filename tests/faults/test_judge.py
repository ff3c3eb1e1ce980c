"""The judge names each fault, and nothing where there is none. Here on a few messages by hand; on the product and its mutants elsewhere."""

import json
from typing import Any

import pytest

from tests.faults.judge import (
    BROKEN_CHAIN,
    DECIDED_OTHERWISE,
    DIFFERENT_BYTES,
    FAULTS,
    GAPS,
    LOST,
    NEEDLESSLY_STOPPED,
    OFFSETS_SHORT,
    RECORDS_MISSING,
    TWICE,
    WRONG,
    Import,
    Seen,
    judge,
)
from tests.faults.labels import NOTHING, RECORDS, RELEASED, STOPPED, Sending, answer, refusal
from tests.faults.relayed import Output

FREE, HELD = answer({1: "released"}), answer({1: "blocked site_suspended"})
PLACES = [(0, offset) for offset in range(5)]


def released(place: tuple[int, int], *, version: int = 1) -> Output:
    said = {"revision": 1, "examination": 1, "registry_version": version, "lines": [{"line": 1, "outcome": "released"}]}
    return Output(RELEASED, f"verdict {place}", place, "block", json.dumps(said).encode())


def stopped(place: tuple[int, int], *, version: int = 1) -> Output:
    line = {"line": 1, "outcome": "blocked", "reasons": [{"code": "site_suspended"}]}
    said = {"revision": 1, "examination": 1, "registry_version": version, "lines": [line]}
    return Output(STOPPED, f"verdict {place}", place, "block", json.dumps(said).encode())


def record(place: tuple[int, int], sequence: int) -> Output:
    said = {"kind": "original", "revision": 1, "line": 1, "program": "lemtrada", "sequence": sequence}
    return Output(RECORDS, f"record {place}", place, "block", json.dumps(said).encode())


def refused(place: tuple[int, int]) -> Output:
    return Output("refused-messages", f"refusal {place}", place, "block", json.dumps({"problems": {"/ship_on": ["Missing."]}}).encode())


def seen(**changes: Any) -> Seen:
    """Released, refused, two that share room for one, and one that hangs on an import and came after it."""
    sendings = [
        Sending(0, b"", (FREE,)),
        Sending(0, b"", (refusal("/ship_on"),)),
        Sending(0, b"", (FREE, HELD), shared="room"),
        Sending(0, b"", (FREE, HELD), shared="room"),
        Sending(0, b"", (FREE, HELD), hangs_on=1),
    ]
    outputs = (
        released(PLACES[0]), record(PLACES[0], 1), refused(PLACES[1]), released(PLACES[2]), record(PLACES[2], 2), stopped(PLACES[3]),
        stopped(PLACES[4], version=2),
    )  # fmt: skip
    clean = Seen(
        sent=dict(zip(PLACES, sendings, strict=True)),
        room={"room": 1},
        outputs=outputs,
        kept=outputs,
        arrivals=tuple(PLACES),
        blocks={(0, 0): 2, (0, 1): 2, (0, 2): 3, (0, 3): 4, (0, 4): 6},
        imports={1: Import(version=2, block=5)},
        committed={"0": 5},
        ends={"0": 5},
    )
    return clean._replace(**changes)


def with_outputs(*outputs: Output) -> Seen:
    """These are in the topics, and the ledger has them too."""
    return seen(outputs=outputs, kept=outputs)


def without(*places: tuple[int, int]) -> tuple[Output, ...]:
    return tuple(output for output in seen().outputs if output.place not in places)


def test_where_nothing_is_wrong_nothing_is_found() -> None:
    judgement = judge(seen())
    assert judgement.clean
    assert set(judgement.counts) == set(FAULTS)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (seen(outputs=seen().outputs[:-1]), {LOST: 2}),
        (seen(outputs=(*seen().outputs, released(PLACES[0]))), {TWICE: 1}),
        (seen(arrivals=(*PLACES, PLACES[0])), {TWICE: 1}),
        (seen(arrivals=tuple(PLACES[1:])), {LOST: 1}),
        (with_outputs(*without(PLACES[1]), released(PLACES[1])), {WRONG: 1}),
        (with_outputs(*without(PLACES[1]), released((0, 9)), refused(PLACES[1])), {WRONG: 1}),
        (
            with_outputs(*without(PLACES[0], PLACES[2]), stopped(PLACES[0]), released(PLACES[2]), record(PLACES[2], 1)),
            {NEEDLESSLY_STOPPED: 1},
        ),
        (with_outputs(*without(PLACES[0]), released(PLACES[0])), {RECORDS_MISSING: 1, GAPS: 2}),
        (with_outputs(*without(PLACES[2]), stopped(PLACES[2])), {NEEDLESSLY_STOPPED: 1}),
        (with_outputs(*without(PLACES[3]), released(PLACES[3]), record(PLACES[3], 3)), {WRONG: 1}),
        (with_outputs(*without(PLACES[0]), released(PLACES[0]), record(PLACES[0], 3)), {GAPS: 2}),
        (seen(outputs=(*without(PLACES[1]), refused(PLACES[1])._replace(value=b'{"problems":{"/ship_on":[]}}'))), {DIFFERENT_BYTES: 1}),
        (seen(outputs=(*without(PLACES[1]), refused(PLACES[1])._replace(chain="another"))), {DIFFERENT_BYTES: 1}),
        (with_outputs(*without(PLACES[4]), stopped(PLACES[4], version=1)), {WRONG: 1}),
        (with_outputs(*without(PLACES[4]), released(PLACES[4], version=1), record(PLACES[4], 3)), {WRONG: 1}),
        (seen(committed={"0": 3}), {OFFSETS_SHORT: 2}),
        (seen(decided_otherwise=2), {DECIDED_OTHERWISE: 2}),
        (seen(chain="block 3: It is missing."), {BROKEN_CHAIN: 1}),
    ],
)
def test_each_fault_is_named(what: Seen, expected: dict[str, int]) -> None:
    judgement = judge(what)
    assert {fault: count for fault, count in judgement.counts.items() if count} == expected
    assert set(judgement.examples) == set(expected)


def test_an_answer_to_what_asks_for_none_is_wrong() -> None:
    silent = {**seen().sent, PLACES[0]: Sending(0, b"", (NOTHING,))}
    assert judge(seen(sent=silent)).counts[WRONG] == 1

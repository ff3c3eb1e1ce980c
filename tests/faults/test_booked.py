"""The judge of the books at the end names what is wrong with them, on a few records by hand; and nothing where nothing is."""

import json
from typing import Any

import pytest

from tests.faults.booked import (
    ALERTS_WRONG,
    BOOKED,
    BOOKS_DIFFER,
    FILED_WRONG,
    FILES_CHANGED,
    FILES_WRONG,
    SERIALS_TWICE,
    WORDS_WRONG,
    Booked,
    Named,
    Row,
    judge_booked,
)
from tests.faults.labels import ALERTS, RECORDS
from tests.faults.relayed import Output
from tests.faults.shipping import Goods

SHORT, BYPASSED, NOTHING = "SO-1", "SO-2", "SO-3"
FILE = Named("lemtrada-000001.jsonl", "ab", (1, 2, 3, 4))


def said(sequence: int, order: str, kind: str, about: int | None, **more: Any) -> Output:
    body = {
        "record_id": f"R{sequence}", "sequence": sequence, "order_id": order, "kind": kind, "replaces": about and f"R{about}",
        "product": {"gtin": "1"}, "ship_to": {"site_id": "HF-1"}, "quantity": 5, "lot": "A1",
    }  # fmt: skip
    return Output(RECORDS, f"R{sequence}", (-1, -1), "", json.dumps(body | more).encode(), "")


def alert(kind: str, order: str | None = None, record: str | None = None, name: str = "") -> Output:
    body = {"kind": kind, "evidence": {"record_id": record} if record else {}} | ({"order_id": order} if order else {})
    return Output(ALERTS, f"{kind}/{order}/{record}{name}", (-1, -1), "", json.dumps(body).encode(), "")


OUTPUTS = (
    said(1, SHORT, "original", None, serials=["S1", "S2", "S3", "S4", "S5"]),
    said(2, SHORT, "correction", 1, quantity=2, serials=["S1", "S2"]),
    said(3, SHORT, "return", 2, quantity=1, serials=["S1"]),
    said(4, BYPASSED, "original", None, outside_gate=True),
    alert("shipment_bypassed", BYPASSED), alert("shipment_bypassed", NOTHING), alert("record_rejected", record="R4"),
)  # fmt: skip
BYPASS = frozenset({"shipment_bypassed"})
RIGHT = Booked(
    goods=(
        Goods(SHORT, 2, serials=frozenset({"S1", "S2"}), site="HF-1", returned=1),
        Goods(BYPASSED, 5, outside=True, site="HF-1", either=BYPASS),
        Goods(NOTHING, alerts=BYPASS),
    ),
    words={"R1": ("accepted",), "R4": ("rejected",)},
    counted=(("R1", "accepted"), ("R4", "rejected")),
    alerts=(("record_rejected", "R4"),),
    seen=(FILE,),
    files=(FILE,),
    rows=(Row(FILE.name, "ab", 1, 4),),
)


def judged(booked: Booked = RIGHT, outputs: tuple[Output, ...] = OUTPUTS) -> dict[str, int]:
    found: dict[str, list[str]] = {fault: [] for fault in BOOKED}
    judge_booked(booked, outputs, found)
    return {fault: len(cases) for fault, cases in found.items() if cases}


def test_where_nothing_is_wrong_nothing_is_found() -> None:
    assert judged() == {}
    assert judged(outputs=(*OUTPUTS, alert("shipment_bypassed", SHORT))) == {}, "it may have been read late"


WHOLE = FILE._replace(sequences=(1, 2, 3, 4, 5))


@pytest.mark.parametrize(
    ("booked", "outputs", "expected"),
    [
        (RIGHT, (*OUTPUTS[:1], *OUTPUTS[2:]), {BOOKS_DIFFER: 1, FILED_WRONG: 1}),
        (RIGHT, (*OUTPUTS[:2], *OUTPUTS[3:]), {BOOKS_DIFFER: 1, FILED_WRONG: 1}),
        (RIGHT, (*OUTPUTS[:3], said(4, BYPASSED, "original", None), *OUTPUTS[4:]), {BOOKS_DIFFER: 1}),
        (RIGHT, (*OUTPUTS[:3], said(4, BYPASSED, "original", None, outside_gate=True, lot="B"), *OUTPUTS[4:]), {BOOKS_DIFFER: 1}),
        (RIGHT, (*OUTPUTS[:3], said(4, BYPASSED, "void", 2), *OUTPUTS[4:]), {BOOKS_DIFFER: 1}),
        (RIGHT, (*OUTPUTS[:3], said(4, BYPASSED, "original", None, outside_gate=True, serials=["S1"]), *OUTPUTS[4:]),
            {BOOKS_DIFFER: 1, SERIALS_TWICE: 1}),
        (RIGHT, (*OUTPUTS[:4], *OUTPUTS[5:]), {ALERTS_WRONG: 1}),
        (RIGHT, (*OUTPUTS[:5], *OUTPUTS[6:]), {ALERTS_WRONG: 1}),
        (RIGHT, (*OUTPUTS, alert("shipment_disputed", SHORT)), {ALERTS_WRONG: 1}),
        (RIGHT, OUTPUTS[:-1], {ALERTS_WRONG: 1}),
        (RIGHT, (*OUTPUTS, alert("record_rejected", record="R4", name="again")), {ALERTS_WRONG: 1}),
        (RIGHT._replace(counted=RIGHT.counted[:1]), OUTPUTS, {WORDS_WRONG: 1}),
        (RIGHT._replace(counted=(*RIGHT.counted, ("R1", "rejected"))), OUTPUTS, {WORDS_WRONG: 1}),
        (RIGHT._replace(counted=(*RIGHT.counted, ("R9", "accepted"))), OUTPUTS, {WORDS_WRONG: 1}),
        (RIGHT._replace(seen=(FILE, FILE._replace(sha256="cd"))), OUTPUTS, {FILES_CHANGED: 1}),
        (RIGHT._replace(files=()), OUTPUTS, {FILES_CHANGED: 1, FILES_WRONG: 1, FILED_WRONG: 4}),
        (RIGHT._replace(rows=()), OUTPUTS, {FILES_WRONG: 1}),
        (RIGHT._replace(rows=(RIGHT.rows[0]._replace(sha256="cd"),)), OUTPUTS, {FILES_WRONG: 1}),
        (RIGHT._replace(seen=(), files=(WHOLE,)), OUTPUTS, {FILES_WRONG: 1, FILED_WRONG: 1}),
        (RIGHT, (*OUTPUTS, said(5, "SO-4", "original", None)), {FILED_WRONG: 1}),
    ],
)  # fmt: skip
def test_each_fault_is_named(booked: Booked, outputs: tuple[Output, ...], expected: dict[str, int]) -> None:
    assert judged(booked, outputs) == expected

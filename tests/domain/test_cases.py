"""Every labelled case, in process: the same reading, deciding and printing as the command, without its process."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatekeeper.clock import now
from gatekeeper.domain.reasons import REASONS
from gatekeeper.errors import Unusable
from gatekeeper.instants import read_instant
from gatekeeper.judging.deciding import answers, load
from gatekeeper.lines import open_file
from gatekeeper.programs import load_programs
from tests.labelled import GIVEN, Document, cases, difference, messages, registry_file

ELSEWHERE = {"product_ambiguous", "other_line_stopped", "order_already_shipped", "order_cancelled", "withdrawal_unconfirmed"}
"""Reasons that need a program of their own (``test_programs_of_their_own``), or an event."""


def outcome(book: Document, case: Document, folder: Path) -> list[Document]:
    """What the command answers."""
    at = now() if case["at"] == "now" else read_instant(case["at"], "--at")
    rules = load_programs()
    registry = folder / "facts.ndjson"
    if case.get("missing") != "registry":
        registry.write_bytes(registry_file(book, case))
    orders = folder / "orders.ndjson"
    if case.get("missing") != "orders":
        orders.write_bytes(b"".join(line + b"\n" for line in messages(book, case)))
    with open_file(orders) as file:
        return [json.loads(answer) for answer in answers(file, orders, load(registry, rules, at), rules, at)]


@pytest.mark.parametrize(("book", "case"), [pytest.param(book, case, id=case["id"]) for book, case in cases()])
def test_case(book: Document, case: Document, tmp_path: Path) -> None:
    if case["expect"] == "unusable":
        with pytest.raises(Unusable):
            outcome(book, case, tmp_path)
        return
    expected = [entry for entry in case["expect"] if entry is not None]
    answered = outcome(book, case, tmp_path)
    assert len(answered) == len(expected)
    assert [found for found in map(difference, expected, answered) if found] == []


def test_every_reason_has_a_case() -> None:
    told = {
        word.strip("()")
        for _, case in cases()
        if case["expect"] != "unusable"
        for entry in case["expect"]
        if isinstance(entry, list)
        for line in entry
        for word in line.split()[1:]
    }
    assert set(REASONS) - told == ELSEWHERE


def test_reasons_stand_in_the_order_of_the_table(tmp_path: Path) -> None:
    places = list(REASONS)
    for book, case in cases():
        if case["expect"] == "unusable":
            continue
        for answer in outcome(book, case, tmp_path):
            for line in answer.get("lines", []):
                codes = [places.index(reason["code"]) for reason in line["reasons"]]
                assert codes == sorted(set(codes))


def test_no_answer_tells_who_the_patient_is(tmp_path: Path) -> None:
    ids = {fact[member] for fact in GIVEN["world"] for member in ("patient_id", "prescriber_id", "authorization_id") if member in fact}
    quoted = {f'"{one}"' for one in ids | {"P-404", "PR-404", "AU-404"}}
    for book, case in cases():
        if case["expect"] != "unusable":
            printed = json.dumps(outcome(book, case, tmp_path))
            assert [one for one in quoted if one in printed] == []


def test_deciding_twice_is_deciding_once(tmp_path: Path) -> None:
    for book, case in cases():
        if case["expect"] != "unusable" and case["at"] != "now":
            assert outcome(book, case, tmp_path) == outcome(book, case, tmp_path)


def test_an_instant_is_read_in_its_offset() -> None:
    assert read_instant("2026-11-20T10:00:00-05:00", "--at") == datetime(2026, 11, 20, 15, tzinfo=UTC)

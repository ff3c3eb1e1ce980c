"""What was judged before is read back: the stored bytes, nothing decided twice, and nothing of another topic."""

from pathlib import Path

import pytest

from gatekeeper.arrivals import Answer, Position
from gatekeeper.errors import Halt
from gatekeeper.storage import tables
from tests.gate.ledger import NOON, WORLD, Ledger, authorization, order, two_programs
from tests.gate.test_answers import CAMPATH, MIXED, said
from tests.gate.test_revisions import SERIALS, STOPPED, revision

MESSAGES = [
    order("SO-1", SERIALS), order("SO-2", MIXED), order("SO-3", STOPPED), b"rubbish", order("SO-1", SERIALS),
    order("SO-1", {"/lines/0/quantity": 4}), revision(2, MIXED), revision(1, {"/lines/0/quantity": 3}), revision(3, STOPPED), b"\xff",
]  # fmt: skip
"""Released, mixed, stopped, refused, repeated, contradicted, withdrawn, superseded, withdrawn without a release."""
PLACED = [(Position(number % 3, number), message) for number, message in enumerate(MESSAGES)]


@pytest.fixture
def judged(ledger: Ledger) -> tuple[Ledger, list[Answer]]:
    ledger.load(authorization("AU-MANY", 1000))
    return ledger, ledger.judge_at(PLACED, batch=4)


def all_rows(ledger: Ledger) -> dict[str, list[tuple[object, ...]]]:
    return {table.name: ledger.rows(table) for table in tables.METADATA.sorted_tables}


def stored(answers: list[Answer]) -> list[Answer]:
    """Answers as they are read back."""
    return [answer._replace(read_back=True, lines=()) for answer in answers]


@pytest.mark.parametrize("batch", [1, 3, None])
def test_what_was_judged_is_answered_again_byte_for_byte(judged: tuple[Ledger, list[Answer]], batch: int | None) -> None:
    """The same arrivals again, days later, by another registry, in other batches: the same answers and publications; nothing is added."""
    ledger, first = judged
    assert not any(answer.read_back for answer in first)
    ledger.set_clock(NOON.replace(day=25))
    ledger.load(authorization("AU-MANY", 1), world=[], as_of=NOON.replace(day=25))
    before = all_rows(ledger)

    again = ledger.judge_at(PLACED, batch=batch)

    assert again == stored(first)
    assert said(*again) == said(*first)
    assert all_rows(ledger) == before


def test_a_batch_may_begin_below_the_head_and_end_above_it(judged: tuple[Ledger, list[Answer]]) -> None:
    """Old and new messages in one batch: the old are read back, the new are judged, in the order in which they came."""
    ledger, first = judged
    examinations = len(ledger.rows(tables.EXAMINATION))

    answers = ledger.judge_at([PLACED[0], (Position(1, 20), order("SO-9")), PLACED[6], (Position(0, 20), order("SO-1", SERIALS))])

    assert [answer.read_back for answer in answers] == [True, False, True, False]
    assert [answers[0], answers[2]] == stored([first[0], first[6]])
    assert answers[3].kind == "repeat"
    assert len(ledger.rows(tables.EXAMINATION)) == examinations + 1


@pytest.mark.parametrize("size", [1, 2])
def test_another_message_at_a_judged_place_halts(judged: tuple[Ledger, list[Answer]], size: int) -> None:
    """The same position with other bytes is another topic's message: one sentence that names the place, nothing of what was sent."""
    ledger, _ = judged
    before = all_rows(ledger)
    with pytest.raises(Halt, match=r"another message at shipment-orders/1/1.*runbook") as halted:
        ledger.judge_at([PLACED[0], (Position(1, 1), order("SO-MARKER"))][-size:])
    assert "MARKER" not in str(halted.value)
    assert all_rows(ledger) == before


def test_a_place_below_the_head_that_the_ledger_does_not_know_halts(judged: tuple[Ledger, list[Answer]]) -> None:
    """Below the head everything that there is has been judged; a message that appears there later is of another topic."""
    ledger, _ = judged
    with pytest.raises(Halt, match=r"no message at shipment-orders/0/1:"):
        ledger.judge_at([(Position(0, 1), order("SO-LATE"))])


def test_a_topic_that_was_made_again_starts_anew(judged: tuple[Ledger, list[Answer]]) -> None:
    """Another topic id is another source with heads of its own: the same positions are judged, earlier orders stay known."""
    ledger, _ = judged
    again = ledger.source_of("made again")
    assert again.number != ledger.source.number
    assert ledger.source_of("made again") == again

    answers = ledger.judge_at(
        [(Position(0, 0), order("SO-NEW", {"/lines/0": CAMPATH | {"line": 1}})), (Position(0, 1), MESSAGES[0])], source=again
    )

    assert [(answer.kind, answer.read_back) for answer in answers] == [("order", False), ("repeat", False)]
    assert [row for row in ledger.rows(tables.HEAD) if row[0] == again.number] == [(again.number, 0, 2)]
    assert ledger.judge_at([PLACED[0]])[0].read_back


def test_an_order_of_several_programs_is_read_back_in_the_same_order(ledger: Ledger, tmp_path: Path) -> None:
    """Records and voids of an order whose lines are of several programs: read back as they were said at first."""
    ledger.rules = two_programs(tmp_path)
    ledger.load()
    site = next(fact for fact in WORLD if fact.get("site_id") == "HF1")
    ledger.load(site | {"program": "alpha"}, world=[], program="alpha")
    other = {"line": 2, "product": {"ndc": "54321-0200-1"}, "quantity": 1, "expires_on": "2028-01-01"}
    placed = [
        (Position(0, 0), order(changes={"/lines/1": other})),
        (Position(0, 1), revision(2, {"/lines/1": other, "/ship_on": "2026-11-24"})),
    ]

    first = ledger.judge_at(placed)

    assert [len(examined.records) for answer in first for examined in answer.examinations] == [2, 2, 2]
    assert ledger.judge_at(placed) == stored(first)

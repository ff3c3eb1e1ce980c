"""What events said of an order before it is decided: each reason at both sides of its boundary."""

import pytest

from gatekeeper.domain.case import Case, Earlier
from gatekeeper.domain.order import Order
from gatekeeper.domain.program import Program
from gatekeeper.domain.verdict import Verdict, decide
from gatekeeper.evidence import Asked, case_of, evidence
from gatekeeper.programs import program_document
from gatekeeper.storage.lookups import plain
from gatekeeper.translate import content_of, order_of
from schemas.reading import read_order
from tests.domain.worlds_of_cases import AT, LEMTRADA, LINE, ORDER, known, lines, told
from tests.gate.ledger import order as message

SECOND = ORDER._replace(revision=2)
FREE = LINE._replace(ndc="00093-7180-56", patient=None)


def judge(order: Order, *earlier: Earlier, program: Program = LEMTRADA, watched: bool = False) -> Verdict:
    registry = known()
    for each in earlier:
        registry.arrived(order.wholesaler_id, order.order_id, each)
    return decide(Case(order, registry, (program,), AT, watched))


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        (Earlier(1, "", "cancelled"), "released"),
        (Earlier(2, "", "cancelled"), "blocked order_cancelled"),
        (Earlier(3, "", "cancelled"), "blocked order_cancelled"),
        (Earlier(1, "", "shipped"), "held order_already_shipped"),
        (Earlier(2, "", "shipped"), "released"),
        (Earlier(3, "", "shipped"), "released"),
        (Earlier(1, "", "unconfirmed"), "held withdrawal_unconfirmed"),
        (Earlier(2, "", "unconfirmed"), "released"),
    ],
)
def test_the_revision_tells(earlier: Earlier, expected: str) -> None:
    """A cancellation is of its revision and those before; goods that left are those of a lower one."""
    assert told(judge(SECOND, earlier)) == [expected]


def test_all_that_end_the_examination_stand_together_in_the_order_of_the_table() -> None:
    """Also of a product that nobody restricts, and without any other reason."""
    earlier = (
        Earlier(2, "other"), Earlier(3, "third"), Earlier(1, "", "shipped"), Earlier(2, "", "cancelled"), Earlier(1, "", "unconfirmed"),
    )  # fmt: skip
    order = lines(LINE._replace(lot=None, patient=None), FREE)._replace(revision=2)
    assert told(judge(order, *earlier)) == ["blocked order_contradicts order_superseded order_already_shipped order_cancelled"] * 2


def test_a_cancellation_of_one_line_is_of_that_line_alone() -> None:
    """The others are decided as ever, whatever is cancelled of a higher revision beside."""
    order = lines(LINE, LINE, FREE)._replace(revision=2)
    cancelled = (Earlier(2, "", "cancelled", (2,)), Earlier(5, "", "cancelled", (3,)), Earlier(1, "", "cancelled"))
    assert told(judge(order, *cancelled)) == ["released", "blocked order_cancelled", "blocked order_cancelled"]
    assert told(judge(order, *cancelled, Earlier(1, "", "shipped"))) == [
        "held order_already_shipped", "blocked order_already_shipped order_cancelled", "blocked order_already_shipped order_cancelled",
    ]  # fmt: skip


def test_a_cancelled_line_is_none_of_a_whole_order() -> None:
    """What was cancelled does not hold back what was not."""
    order = lines(LINE, LINE)._replace(revision=2)
    whole = LEMTRADA._replace(whole_order=True)
    assert told(judge(order, Earlier(2, "", "cancelled", (1,)), program=whole)) == ["blocked order_cancelled", "released"]


def test_an_unconfirmed_withdrawal_holds_the_lines_that_a_program_covers() -> None:
    """Beside every other reason, in the last place, with what a person needs; never a line that was released after all."""
    order = lines(LINE, FREE, LINE._replace(patient=None))._replace(revision=2)
    unconfirmed = Earlier(1, "", "unconfirmed")
    verdict = judge(order, unconfirmed)
    assert told(verdict) == ["held withdrawal_unconfirmed", "not_covered", "held patient_missing withdrawal_unconfirmed"]
    assert verdict.lines[0].reasons[0].evidence == {"revision": 2, "released_revision": 1}
    assert told(judge(lines(LINE)._replace(revision=2), unconfirmed, watched=True)) == ["released"]
    whole = LEMTRADA._replace(whole_order=True)
    assert told(judge(order, unconfirmed, program=whole))[0] == "held other_line_stopped withdrawal_unconfirmed"


def test_events_are_kept_in_a_case_and_read_again_as_those_of_before_events() -> None:
    """The newer form and the older, which had a revision and a digest only."""
    wire = read_order(message(changes={"/revision": 2}))
    content = content_of(wire, (LEMTRADA,))  # type: ignore[arg-type]
    order = order_of(wire, (LEMTRADA,), content)  # type: ignore[arg-type]
    question = ("order", order.wholesaler_id, order.order_id)
    earlier = (Earlier(1, "ab"), Earlier(2, "", "cancelled", (1, 3)))
    asked = Asked({question: plain(earlier)})
    assert asked[question] == earlier

    document = evidence("2026-11-20T15:00:00.000Z", content, b"[" + program_document(LEMTRADA) + b"]", asked.asked)

    assert case_of(document).answers[question] == earlier
    older = document.replace(b'[1,"ab","message",[]],[2,"","cancelled",[1,3]]', b'[1,"ab"]')
    assert older != document
    assert case_of(older).answers[question] == (Earlier(1, "ab"),)

"""What lines hold already when they are judged: never in their own way, and while they are stopped in that of all others."""

from datetime import date

import pytest

from gatekeeper.domain.case import Case, Held, Question
from gatekeeper.domain.order import Line
from gatekeeper.domain.program import Program
from gatekeeper.domain.verdict import decide
from tests.domain.worlds_of_cases import AT, LEMTRADA, LINE, PATIENT, facts, known, lines, told

AU_1: Question = ("units", "lemtrada", "AU-1")
AU_2: Question = ("units", "lemtrada", "AU-2")
EXPIRED, EXHAUSTED = "blocked product_expired", "held authorization_exhausted"
WHOLE = LEMTRADA._replace(whole_order=True)


def of(quantity: int) -> Line:
    return LINE._replace(quantity=quantity)


def expired(quantity: int) -> Line:
    """One that stays stopped, whatever is used."""
    return of(quantity)._replace(expires_on=date(2026, 11, 1))


def judge(authorized: int, used: int, several: list[Line], *held: Held, watched: bool = False, program: Program = LEMTRADA) -> list[str]:
    """With authorizations of so many units, of the first of which so many are used, what these lines hold among them."""
    (authorization,) = [fact for fact in facts() if getattr(fact, "authorization_id", None) == "AU-1"]
    first = authorization._replace(sequence=8, units=authorized)
    registry = known(first, first._replace(authorization_id="AU-2"))
    registry.released([(AU_1, used)])
    return told(decide(Case(lines(*several), registry, (program,), AT, watched, held)))


@pytest.mark.parametrize(("authorized", "expected"), [(6, "released"), (5, EXHAUSTED)])
def test_what_a_stopped_line_holds_counts_for_the_others(authorized: int, expected: str) -> None:
    """Whichever comes first; its own is never in its way."""
    assert judge(authorized, 4, [expired(4), of(2)], Held(1, AU_1, 4)) == [EXPIRED, expected]
    assert judge(authorized, 4, [of(2), expired(4)], Held(2, AU_1, 4)) == [expected, EXPIRED]


@pytest.mark.parametrize(("authorized", "expected"), [(6, ["released", "released"]), (5, [EXHAUSTED, EXHAUSTED])])
def test_lines_that_hold_what_they_are_of_use_nothing_more(authorized: int, expected: list[str]) -> None:
    """Both are out already: where it is too much each of them is one too many."""
    for several in ([of(4), of(2)], [of(2), of(4)]):
        holding = [Held(number, AU_1, line.quantity) for number, line in enumerate(several, 1)]
        assert judge(authorized, 6, several, *holding) == expected


@pytest.mark.parametrize(("authorized", "expected"), [(7, ["released", "released"]), (6, ["released", EXHAUSTED])])
def test_what_is_released_takes_the_place_of_what_it_held(authorized: int, expected: list[str]) -> None:
    """Three of five left past the gate: released, it is five that count, and not eight."""
    assert judge(authorized, 3, [of(5), of(2)], Held(1, AU_1, 3)) == expected


@pytest.mark.parametrize(("authorized", "expected"), [(4, "released"), (3, EXHAUSTED)])
def test_what_it_holds_of_another_authorization_stays_with_it(authorized: int, expected: str) -> None:
    """Line 1 is released on the second authorization, and holds of the first what went to its patient."""
    second = of(1)._replace(patient=PATIENT._replace(authorization_id="AU-2"))
    assert judge(authorized, 2, [second, of(2)], Held(1, AU_1, 2)) == ["released", expected]
    assert judge(authorized, 2, [of(2), second], Held(2, AU_1, 2)) == [expected, "released"]
    assert judge(authorized, 2, [second, second._replace(quantity=authorized)], Held(1, AU_1, 2)) == ["released", EXHAUSTED]


def test_what_others_use_counts_beside_it() -> None:
    """An earlier line of the order, and other orders."""
    assert judge(7, 4, [of(2), of(4), of(1)], Held(2, AU_1, 4)) == ["released", "released", "released"]
    assert judge(6, 4, [of(2), of(4), of(1)], Held(2, AU_1, 4)) == ["released", "released", EXHAUSTED]
    assert judge(9, 4 + 3, [of(2), of(4)], Held(2, AU_1, 4)) == ["released", "released"]
    assert judge(8, 4 + 3, [of(2), of(4)], Held(2, AU_1, 4)) == [EXHAUSTED, "released"]


@pytest.mark.parametrize(("authorized", "expected"), [(6, "released"), (5, EXHAUSTED)])
def test_a_watched_line_makes_room_for_what_was_released_before_it_alone(authorized: int, expected: str) -> None:
    """Four of line 1, then two of line 2: what is withdrawn now may still leave, and counts for what was released after it."""
    first, second = Held(1, AU_1, 4, later=2), Held(2, AU_1, 2)
    assert judge(authorized, 6, [expired(4), of(2)], first, second, watched=True) == [EXPIRED, expected]
    assert judge(authorized, 6, [of(4), of(2)], first, second, watched=True) == ["released", expected]
    assert judge(authorized, 6, [of(4), expired(2)], first, second, watched=True)[0] == "released"


def test_a_watched_line_that_was_released_again_stands_where_it_first_was() -> None:
    """Line 2 was released before line 1, and between them another order: the last of them is the one too many."""
    first, second = Held(1, AU_1, 2), Held(2, AU_1, 3, later=6)
    assert judge(8, 9, [of(2), of(3)], first, second, watched=True) == [EXHAUSTED, "released"]
    assert judge(9, 9, [of(2), of(3)], first, second, watched=True) == ["released", "released"]


def test_watched_lines_without_a_record_hold_nothing_and_use_what_they_are_of() -> None:
    """They passed because their program had ended."""
    assert judge(5, 0, [of(3), of(2)], Held(1, AU_1, 0), Held(2, AU_1, 0), watched=True) == ["released", "released"]
    assert judge(4, 0, [of(3), of(2)], Held(1, AU_1, 0), Held(2, AU_1, 0), watched=True) == ["released", EXHAUSTED]


@pytest.mark.parametrize("several", [[of(4), of(2)], [of(2), of(4)]])
def test_a_whole_order_goes_whole_or_not_at_all(several: list[Line]) -> None:
    held = Held(1 if several[0].quantity == 4 else 2, AU_1, 4)
    assert judge(6, 4, several, held, program=WHOLE) == ["released", "released"]
    stopped = judge(5, 4, several, held, program=WHOLE)
    assert all("stopped" in line or "exhausted" in line for line in stopped)
    assert not any(line.startswith("released") for line in stopped)


def test_where_nothing_is_held_nothing_changes() -> None:
    """As rows have it that were kept before this was known."""
    assert judge(6, 4, [of(2), of(1)]) == ["released", EXHAUSTED]
    assert judge(6, 4, [of(2), of(1)], watched=True) == ["released", EXHAUSTED]

"""Where the goods of one line are: told in small stories, and by any story against a second telling."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.goods.whereabouts import Move, Whereabouts, whereabouts
from tests.gate.plain_vials import Back, Gone, vials

FIVE = ("A", "B", "C", "D", "E")
DAY = datetime(2026, 11, 20, tzinfo=UTC)


def day(number: int) -> datetime:
    return DAY + timedelta(days=number)


def left(number: int, units: int | None = None, *serials: str) -> Move:
    return Move(day(number), len(serials) or units, serials)


def back(number: int, units: int, *serials: str, verified: bool = True, recorded: bool = True) -> Move:
    return Move(day(number), units, serials, returned=True, verified=verified, recorded=units if recorded else None)


def found(*moves: Move) -> Whereabouts:
    return whereabouts(moves, 5, FIVE)


def test_all_of_a_line_twice_is_once() -> None:
    for moves in ([left(1), left(1)], [left(1), left(2)], [left(1, 2), left(2)], [left(1), left(2, 3)]):
        assert found(*moves) == Whereabouts(5, 5, frozenset())


def test_all_of_a_line_after_it_came_back_left_again() -> None:
    """However it left the first time; also where nobody knows which came first."""
    for first in (left(1), left(1, 5), left(1, None, *FIVE)):
        for last in (left(3), left(2)):
            assert found(first, back(2, 5, *FIVE), last) == Whereabouts(10, 5, frozenset())
    assert found(left(1), back(2, 5, *FIVE), left(3, None, *FIVE)) == Whereabouts(10, 5, frozenset())
    assert found(left(1), back(2, 5, *FIVE), left(3), back(4, 5, recorded=False)) == Whereabouts(10, 0, frozenset(FIVE), all_back=True)


def test_only_what_came_back_left_again() -> None:
    moves = [left(1), back(2, 1, "A"), left(3, None, "A")]
    assert found(*moves) == Whereabouts(6, 5, frozenset())
    assert found(*moves, back(4, 1, "B")) == Whereabouts(6, 4, frozenset("B"))
    assert found(*moves, back(4, 1, "A", recorded=False)) == Whereabouts(6, 4, frozenset("A"))
    assert found(left(1), back(2, 1, "A"), left(3)) == Whereabouts(6, 5, frozenset())


def test_as_many_verified_as_left_are_all() -> None:
    """Whichever they are; one that was not verified keeps what nobody named."""
    assert found(left(1), back(2, 2), back(3, 3)).all_back
    assert found(left(1), back(2, 2, verified=False), back(3, 3)) == Whereabouts(5, 0, frozenset())
    assert found(left(1), back(2, 1, "A"), back(3, 3)) == Whereabouts(5, 1, frozenset("A"))
    assert found(left(1), back(2, 5, *FIVE, verified=False), back(3, 5, recorded=False)).all_back, "told once more, and verified"
    assert found(left(1, 2), back(2, 2)) == Whereabouts(2, 0, frozenset(), all_back=True)


def test_a_return_before_its_goods_left_frees_nothing_of_them() -> None:
    """What came back had left, whether or not that was told; what left after that is out."""
    assert found(back(1, 5, *FIVE), left(2)) == Whereabouts(5, 5, frozenset())
    assert found(back(1, 1, "A"), left(2, None, "A")) == Whereabouts(1, 1, frozenset())
    assert found(back(1, 5, *FIVE)) == Whereabouts(0, 0, frozenset(FIVE), all_back=True)


def test_a_vial_that_nobody_said_had_left_is_none_of_those_that_are_out() -> None:
    """B came back, so it had left beside A and V; where some left without a name it is one of these."""
    assert found(left(1, None, "A", "V"), back(2, 2, "A", "B")) == Whereabouts(2, 1, frozenset("AB"))
    assert found(left(1, 2), back(2, 2, "A", "B")) == Whereabouts(2, 0, frozenset("AB"), all_back=True)


def test_all_that_was_out_came_back_whatever_its_record_says() -> None:
    """It was recorded before it was told what had left."""
    whole = Move(day(2), None, FIVE, returned=True, verified=True, recorded=5)
    assert found(left(1, None, "A", "V"), whole) == Whereabouts(2, 0, frozenset("AV"), all_back=True, too_many=3)
    assert found(whole) == Whereabouts(0, 0, frozenset(FIVE), all_back=True)
    assert found(left(1, 2), left(1, 1), whole._replace(recorded=2, serials=())).too_few == 1


NAMES = st.lists(st.sampled_from([*FIVE, "V", "W"]), unique=True, max_size=3).map(tuple)
NUMBERS = st.sampled_from([None, None, 1, 2, 3, 5])
DAYS = st.integers(1, 5).map(day)


@st.composite
def moves(draw: st.DrawFn) -> Move:
    names, number, at = draw(NAMES), draw(NUMBERS), draw(DAYS)
    units = len(names) or number
    if draw(st.integers(0, 2)):
        return Move(at, units, names)
    recorded = draw(st.sampled_from([None, units or draw(st.integers(1, 5))]))
    return Move(at, units, names, returned=True, verified=draw(st.booleans()), recorded=recorded)


@settings(max_examples=400, deadline=None)
@given(st.lists(moves(), max_size=8), st.sampled_from([FIVE, ()]), st.randoms(use_true_random=False))
def test_any_story_ends_as_it_is_told_a_second_time_and_in_any_order(told: list[Move], own: tuple[str, ...], dice: object) -> None:
    once = whereabouts(told, 5, own)
    plain = vials(
        [
            (move.at, Back(move.units, move.serials, move.verified, move.recorded) if move.returned else Gone(move.units, move.serials))
            for move in told
        ],
        5,
        own,
    )
    assert (once.left, once.out, set(once.back), once.all_back, once.too_many, once.too_few) == plain
    other = told[:]
    dice.shuffle(other)  # type: ignore[attr-defined]
    assert whereabouts(other, 5, own) == once

"""The set of sequences that came, against a plain set of numbers."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.domain.sequences import Range, Sequences

NUMBERS = st.lists(st.integers(1, 40), max_size=60)


def members(sequences: Sequences) -> set[int]:
    return {number for first, last in sequences.ranges for number in range(first, last + 1)}


@settings(max_examples=200)
@given(NUMBERS, NUMBERS, st.integers(0, 45))
def test_it_says_what_a_set_says(one: list[int], other: list[int], through: int) -> None:
    """In whatever order numbers came, and however often; ranges neither meet nor touch."""
    both = Sequences.of(one) | Sequences.of(other)
    plain = {*one, *other}
    missing = set(range(1, through + 1)) - plain

    assert members(both) == plain
    assert both == Sequences.of([*other, *one])
    assert all(before.last + 1 < after.first for before, after in zip(both.ranges, both.ranges[1:], strict=False))
    assert (both.last, both.missing(through)) == (max(plain, default=0), len(missing))
    assert members(Sequences(both.gaps(through))) == missing
    assert members(both.without(other)) == plain - {*other}
    assert both.without(other) == Sequences.of(plain - {*other})
    assert both.complete == next(number for number in range(42) if number + 1 not in plain)


def test_ranges_that_touch_become_one() -> None:
    assert Sequences([Range(4, 9), Range(1, 3), Range(2, 5)]).ranges == (Range(1, 9),)

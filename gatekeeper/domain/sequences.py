"""Which numbers of a count 1, 2, 3 … have come: a set, whatever the order in which they came."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Range(NamedTuple):
    """The numbers from ``first`` to ``last``, both of them."""

    first: int
    last: int


class Sequences:
    """A set of numbers from 1 on, as ranges that neither meet nor touch. It is never changed, only made anew."""

    __slots__ = ("ranges",)

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        joined: list[Range] = []
        for first, last in sorted(ranges):
            if joined and first <= joined[-1].last + 1:
                joined[-1] = Range(joined[-1].first, max(last, joined[-1].last))
            else:
                joined.append(Range(first, last))
        self.ranges = tuple(joined)

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "Sequences":
        """Single numbers, of which some may stand twice."""
        return cls(Range(number, number) for number in numbers)

    def __or__(self, other: "Sequences") -> "Sequences":
        return Sequences((*self.ranges, *other.ranges))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequences) and self.ranges == other.ranges

    def __hash__(self) -> int:
        return hash(self.ranges)

    def __repr__(self) -> str:
        return f"Sequences({', '.join(f'{first}-{last}' for first, last in self.ranges)})"

    @property
    def last(self) -> int:
        """The highest; 0 where nothing has come."""
        return self.ranges[-1].last if self.ranges else 0

    @property
    def complete(self) -> int:
        """Up to this number nothing is missing; 0 where the first is."""
        return self.ranges[0].last if self.ranges and self.ranges[0].first == 1 else 0

    def without(self, numbers: Iterable[int]) -> "Sequences":
        """The same set without these."""
        left = list(self.ranges)
        for number in numbers:
            parts = [(Range(first, min(last, number - 1)), Range(max(first, number + 1), last)) for first, last in left]
            left = [part for pair in parts for part in dict.fromkeys(pair) if part.first <= part.last]
        return Sequences(left)

    def gaps(self, through: int) -> Iterator[Range]:
        """What is missing up to ``through``."""
        expected = 1
        for first, last in (*self.ranges, Range(through + 1, through + 1)):
            if expected < first and expected <= through:
                yield Range(expected, min(first - 1, through))
            expected = max(expected, last + 1)

    def missing(self, through: int) -> int:
        """How many are missing."""
        return sum(last - first + 1 for first, last in self.gaps(through))

"""Numbers that come in order, as the ranges that they make: however many there are, only what interrupts them is kept."""

from gatekeeper.domain.sequences import Range


class Runs:
    """Numbers that were added in rising order; one that comes twice counts twice, and stands in its range once."""

    def __init__(self) -> None:
        self.count = 0
        self.ranges: list[Range] = []

    def add(self, number: int) -> None:
        """One more, not lower than the one before."""
        self.count += 1
        if self.ranges and number <= self.ranges[-1].last + 1:
            self.ranges[-1] = Range(self.ranges[-1].first, max(number, self.ranges[-1].last))
        else:
            self.ranges.append(Range(number, number))

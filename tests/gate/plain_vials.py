"""Where the vials of one line are, told a second time: in rounds, each of which ends with something that came back."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple


class Gone(NamedTuple):
    number: int | None
    """None: all of the line."""
    names: tuple[str, ...]


class Back(NamedTuple):
    number: int | None
    names: tuple[str, ...]
    verified: bool
    recorded: int | None
    """As many as a return record says of it."""


class Vials(NamedTuple):
    left: int
    out: int
    free: set[str]
    all_back: bool
    more: int = 0
    """So many that return records say came back had not left."""
    fewer: int = 0
    """So many that had left by then are not in them."""


class Rounds:
    """Of each round what left in it, and what ended it."""

    def __init__(self, whole: int, own: Sequence[str]) -> None:
        self.whole, self.own = whole, set(own)
        self.rounds: list[tuple[list[Gone], Back | None]] = [([], None)]

    def gone(self, each: Gone) -> None:
        self.rounds[-1][0].append(each)

    def back(self, each: Back) -> None:
        self.rounds[-1] = (self.rounds[-1][0], each)
        self.rounds.append(([], None))

    def count(self) -> Vials:
        count = Count(self.whole, self.own)
        for shipped, back in self.rounds:
            count.leave(shipped)
            if back is not None:
                count.come_back(back)
        return count.found()


class Count:
    """From the first round on: how many left; of each vial how often it left, came home, and surely came home."""

    def __init__(self, whole: int, own: set[str]) -> None:
        self.whole, self.own = whole, own
        self.left = self.out = self.unseen = self.sure = self.unnamed = self.more = self.fewer = 0
        self.gone, self.home, self.safe = Counter[str](), Counter[str](), Counter[str]()
        self.returnable: set[str] = set()

    def leave(self, shipped: list[Gone]) -> None:
        numbered = sum(each.number or 0 for each in shipped)
        is_whole = any(each.number is None for each in shipped)
        more = max(numbered, self.whole - self.out) if is_whole else numbered
        self.left, self.out = self.left + more, self.out + more
        named = Counter(name for each in shipped for name in each.names)
        inside = {name for name in self.own | self.gone.keys() if self.gone[name] <= self.home[name]} - named.keys()
        never = {name for name in inside & self.own if self.gone[name] == 0}
        self.unnamed += sum(each.number - len(each.names) for each in shipped if each.number is not None)
        self.gone.update(named)
        if is_whole or self.unnamed > len(never):
            self.gone.update(inside)
        elif self.unnamed == len(never):
            self.gone.update(never)
        else:
            return
        self.unnamed = 0

    def come_back(self, back: Back) -> None:
        names = self._names(back)
        is_out = all(self.gone[name] > self.home[name] for name in names)
        if back.recorded is not None or (0 < (1 if back.number is None else back.number) <= self.out and is_out):
            self._count(back, names)
        elif back.verified and not back.names and self.out == 0:
            self.sure = min(self.left + self.unseen, self.sure + (self.left + self.unseen if back.number is None else back.number))
        if back.verified:
            self.safe = Counter({name: min(self.gone[name], self.safe[name] + (name in names)) for name in self.gone})
        if self.out == 0:
            self.home, self.unnamed = self.gone.copy(), 0
        if self.is_all_back:
            self.home, self.safe, self.returnable = self.gone.copy(), self.gone.copy(), self.returnable | set(self.gone)

    def _names(self, back: Back) -> tuple[str, ...]:
        """All that was out, where all of it came back; it is not for the record of that to say otherwise."""
        return back.names if back.number is not None or not self.out else tuple(n for n in self.gone if self.gone[n] > self.home[n])

    def _count(self, back: Back, names: tuple[str, ...]) -> None:
        number = (self.out or back.recorded or 0) if back.number is None else back.number
        if back.number is None and back.recorded is not None:
            self.more, self.fewer = self.more + max(0, back.recorded - number), self.fewer + max(0, number - back.recorded)
        known = sum(max(0, self.gone[name] - self.home[name]) for name in self.gone)
        inside = sum(self.gone[name] <= self.home[name] for name in names)
        # Of those that were in, some may be of the ones that left without a name; the others left unseen, and so did all that is beyond
        # what was out.
        unseen = max(number - self.out, inside - max(0, self.out - known), 0)
        self.unseen, self.out = self.unseen + unseen, self.out + unseen - number
        for name in names:
            if self.gone[name] <= self.home[name]:
                self.gone[name], self.unnamed = self.home[name] + 1, max(0, self.unnamed - 1)
            self.home[name] += 1
        self.returnable |= set(names) if back.recorded is not None else set()
        self.sure += number if back.verified else 0

    @property
    def is_all_back(self) -> bool:
        return self.sure >= self.left + self.unseen > 0

    def found(self) -> Vials:
        free = {name for name in self.returnable if self.safe[name] >= self.gone[name]}
        return Vials(self.left, self.out, free, self.is_all_back, self.more, self.fewer)


def vials(told: Iterable[tuple[datetime, Gone | Back]], whole: int, own: Sequence[str]) -> Vials:
    """By the instants that were told. Of one instant: what left, then what came back, then what all had left before: it left once more."""
    rounds = Rounds(whole, own)
    for _, several in groupby(sorted(told, key=lambda each: each[0]), key=lambda each: each[0]):
        known = [each for _, each in several]
        later = []
        for each in known:
            if isinstance(each, Gone) and each.number is not None:
                rounds.gone(each)
        for each in known:
            if isinstance(each, Gone) and each.number is None:
                if rounds.count().out >= whole:
                    later.append(each)
                else:
                    rounds.gone(each)
        for each in sorted([each for each in known if isinstance(each, Back)], key=_first_recorded):
            rounds.back(each)
        for each in later:
            rounds.gone(each)
    return rounds.count()


def _first_recorded(back: Back) -> tuple[object, ...]:
    return back.recorded is None, back.number is None, back.number or 0, back.names, back.verified, back.recorded or 0

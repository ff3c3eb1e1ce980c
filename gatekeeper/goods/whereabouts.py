"""Where the goods of one line are: how much left, how much is out, which vials came back. Pure, from all that was told of the line.

What was told is read by the instants that it names, so that the order of its arrival does not matter. A report of all of the line is of
what was not out then: twice is once, but not where goods came back in between; these left again. Whatever could have left is taken to have
left, and only what a verified return says is taken to be back.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple


class Move(NamedTuple):
    """What one event says left, or came back."""

    at: datetime
    units: int | None
    """Dispensing units; None where it is all of the line."""
    serials: tuple[str, ...] = ()
    returned: bool = False
    verified: bool = False
    recorded: int | None = None
    """So many units a return record says of it."""


class Whereabouts(NamedTuple):
    left: int = 0
    """Units, each as often as it left."""
    out: int = 0
    """Units that have not come back."""
    back: frozenset[str] = frozenset()
    """Serials that came back, verified, as often as they may have left."""
    all_back: bool = False
    """As many came back verified as left."""
    too_many: int = 0
    """Units that records of a return of all of the line say came back, and that had not left by what was told since."""
    too_few: int = 0
    """Units that had left by then, and of which such records say nothing."""


def whereabouts(moves: Iterable[Move], units: int, serials: Iterable[str]) -> Whereabouts:
    """Of a line of which so many ``units`` were released, and these ``serials``."""
    return _whereabouts(tuple(moves), units, tuple(serials)) if moves else Whereabouts()


@lru_cache(1024)
def _whereabouts(moves: tuple[Move, ...], units: int, serials: tuple[str, ...]) -> Whereabouts:
    """One settlement asks it several times."""
    walk = _Walk(units, serials)
    for _, at_once in groupby(sorted(moves, key=_place), attrgetter("at")):
        several = list(at_once)
        left, whole = [move for move in several if not move.returned], []
        for move in left:
            if move.units is None and walk.is_all_out:
                # Of one instant nobody knows which came first: what says nothing new may say that what came back left again.
                whole.append(move)
            else:
                walk.leave(move)
        for move in several:
            if move.returned:
                walk.come_back(move)
        for move in whole:
            walk.leave(move)
    return walk.found()


def _place(move: Move) -> tuple[object, ...]:
    """Where it stands among the others, whatever came first."""
    return move.at, move.recorded is None, move.units is None, move.units or 0, move.serials, move.verified, move.recorded or 0


class _Walk:
    """Through what was told, from one instant to the next."""

    def __init__(self, units: int, serials: Sequence[str]) -> None:
        self._units, self._own = units, serials
        self._left, self._back, self._verified = Counter[str](), Counter[str](), Counter[str]()
        """By serial, how often."""
        self._told, self._untold, self._sure, self._out = 0, 0, 0, 0
        """Units that left as it was told, that must have left because they came back, that came back verified; and that are out."""
        self._too_many, self._too_few = 0, 0
        self._guessed: set[str] = set()
        """Serials that a report did not name which is of them too: one that names them afterwards is of the same goods."""
        self._unnumbered = 0
        """The same in units."""
        self._unnamed = 0
        """Units of which it is not known which of the serials they are."""
        self._recorded: set[str] = set()

    @property
    def is_all_out(self) -> bool:
        return self._out >= self._units

    def leave(self, move: Move) -> None:
        if move.units is None:
            more = max(0, self._units - self._out)
            self._unnumbered += more
            self._guess(self._in())
            self._unnamed = 0
        else:
            known = min(move.units, self._unnumbered)
            more = move.units - known
            self._unnumbered -= known
            guessed = self._guessed.intersection(move.serials)
            self._left.update([serial for serial in move.serials if serial not in guessed])
            self._guessed -= guessed
            # What had left unnamed was another vial then, unless it was all of the line.
            self._unnamed += min(more, max(0, move.units - len(move.serials))) + max(0, len(guessed) - known)
            self._name()
        self._told += more
        self._out += more

    def come_back(self, move: Move) -> None:
        self._unnumbered, self._guessed = 0, set()
        if move.recorded is None and not self._has_out(move):
            self._again(move)
            return
        units, serials = move.units, move.serials
        if units is None:
            units = self._out or move.recorded or 0
            if move.recorded is not None:
                self._too_many += max(0, move.recorded - units)
                self._too_few += max(0, units - move.recorded)
            if self._out:
                # Whatever its record says: those came back that were out.
                serials = tuple([serial for serial in self._left if not self._is_in(serial)])
        # A vial that comes back from a line of which all that is out was named, and not this one, had left untold.
        unnamed = max(0, self._out - (self._left - self._back).total())
        untold = max(0, sum(map(self._is_in, serials)) - unnamed)
        untold += max(0, units - self._out - untold)
        self._untold += untold
        self._out += untold - units
        for serial in serials:
            if self._is_in(serial):
                self._left[serial] = self._back[serial] + 1
                self._unnamed = max(0, self._unnamed - 1)
            self._back[serial] += 1
        if move.recorded is not None:
            self._recorded.update(serials)
        if move.verified:
            self._sure += units
            self._verify(serials)
        self._end_of_round()

    def found(self) -> Whereabouts:
        back = {serial for serial in self._recorded if self._verified[serial] >= self._left[serial]}
        return Whereabouts(self._told, self._out, frozenset(back), self._all_back(), self._too_many, self._too_few)

    def _has_out(self, move: Move) -> bool:
        units = 1 if move.units is None else move.units
        return 0 < units <= self._out and not any(map(self._is_in, move.serials))

    def _again(self, move: Move) -> None:
        """A return of what is back already is told once more; it may be verified now."""
        if move.verified:
            self._verify(move.serials)
            if not move.serials and not self._out:
                left = self._told + self._untold
                self._sure = min(left, self._sure + (left if move.units is None else move.units))
                self._end_of_round()

    def _verify(self, serials: Iterable[str]) -> None:
        for serial in serials:
            self._verified[serial] = min(self._left[serial], self._verified[serial] + 1)

    def _end_of_round(self) -> None:
        """Where nothing is out, every serial is back; and where that is sure, they are free."""
        if not self._out:
            self._back, self._unnamed = self._left.copy(), 0
        if self._all_back():
            self._back, self._verified = self._left.copy(), self._left.copy()
            self._recorded.update(self._left)

    def _all_back(self) -> bool:
        return self._sure >= self._told + self._untold > 0

    def _is_in(self, serial: str) -> bool:
        return self._left[serial] <= self._back[serial]

    def _in(self) -> set[str]:
        """Those that never left, and those that came back."""
        return {serial for serial in (*self._own, *self._left) if self._is_in(serial)}

    def _name(self) -> None:
        """Which serials left unnamed: those that never left before; beyond that, it may be any that are in."""
        fresh = [serial for serial in self._own if not self._left[serial]]
        if self._unnamed > len(fresh):
            self._guess(self._in())
        elif self._unnamed == len(fresh):
            self._guess(fresh)
        else:
            return
        self._unnamed = 0

    def _guess(self, serials: Iterable[str]) -> None:
        for serial in serials:
            self._left[serial] += 1
            self._guessed.add(serial)

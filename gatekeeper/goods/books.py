"""The book of a line: which of its records is live, and how much of its goods left and came back. Pure, from what the ledger has.

A record is an ``original`` (also one made outside the gate), a ``correction``, a ``void`` or a ``return``. It is **live** when it is an
original or a correction and no void and no correction names it. A line has at most one live record; a return stands beside it, and counts
until a void names it.
"""

from collections.abc import Container, Iterable
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

STANDING = ("original", "correction")
ENDING = ("void", "correction")
RETURN = "return"


class Entry(NamedTuple):
    """A distribution record, as far as its book goes."""

    record_id: UUID
    kind: str
    replaces: UUID | None
    """The record that it is about."""
    units: int
    """Dispensing units that it stands for."""


class Named(Protocol):
    """Whatever is a record."""

    @property
    def record_id(self) -> UUID: ...
    @property
    def kind(self) -> str: ...
    @property
    def replaces(self) -> UUID | None: ...
    @property
    def units(self) -> int: ...


class Counted(Protocol):
    """Whatever says how much left; None where it is all of the line."""

    @property
    def units(self) -> int | None: ...


R = TypeVar("R", bound=Named)


class Report(NamedTuple):
    """What one event says of how much of a line left, or came back."""

    units: int | None
    """Dispensing units; None where it is all of the line."""
    serials: tuple[str, ...] = ()


def live(entries: Iterable[R]) -> list[R]:
    """Those that are live, in their order; of one line there is at most one."""
    return _not_ended(entries, STANDING)


def came_back(entries: Iterable[R]) -> list[R]:
    """The returns that count, in their order."""
    return _not_ended(entries, (RETURN,))


def returned(entries: Iterable[Named]) -> int:
    """How many dispensing units the records say came back."""
    return sum(entry.units for entry in came_back(entries))


def _not_ended(entries: Iterable[R], kinds: Container[str]) -> list[R]:
    known = list(entries)
    ended = {entry.replaces for entry in known if entry.kind in ENDING}
    return [entry for entry in known if entry.kind in kinds and entry.record_id not in ended]


def shipped(reports: Iterable[Counted], released: int) -> int:
    """How many dispensing units left of a line of which so many were released: partial shipments add up."""
    known = list(reports)
    told = sum(report.units for report in known if report.units is not None)
    return max(told, released) if any(report.units is None for report in known) else told

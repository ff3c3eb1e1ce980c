"""What left of a line, as one distribution record can say it: pure, from what was released and what the events report."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from gatekeeper.domain.program import CoveredPackage
from gatekeeper.goods.books import shipped
from schemas.event import EventLine

UNKNOWN_SERIALS = "serials_unknown"
"""So many left, and it is not known which of those released: a record can do without that."""
LOTS_DIFFER = "lots_differ"
"""Of what was released that is more than one record can say; of goods that nobody released it says all the rest."""


class Goods(msgspec.Struct, frozen=True):
    """Units, and what they are."""

    units: int
    serials: tuple[str, ...] = ()
    lot: str | None = None
    expires_on: date | None = None


class Reported(msgspec.Struct, frozen=True):
    """One event about a line; a lot, a day and serials only where they were given. ``units`` is None where all of the line left."""

    event_id: str
    units: int | None
    is_known: bool = True
    """The program can convert the unit."""
    serials: tuple[str, ...] = ()
    lot: str | None = None
    expires_on: date | None = None


class Left(NamedTuple):
    goods: Goods
    whole: bool
    """Everything that was released has left."""
    problems: tuple[str, ...]
    """Why a record cannot say what left, and says what was released; or what it leaves unsaid."""


def reported(event_id: str, line: EventLine, package: CoveredPackage) -> Reported:
    """What an event says of a line, in dispensing units."""
    serials = _given(line.serials) or ()
    units: int | None = len(serials) or None
    if line.quantity is not UNSET:
        units = dispensing_units(line.quantity, _given(line.unit), package)
    known = line.quantity is UNSET or units is not None
    return Reported(event_id, units, known, serials, _given(line.lot), _given(line.expires_on))


def dispensing_units(quantity: int, unit: str | None, package: CoveredPackage) -> int | None:
    """None where the program cannot convert the unit."""
    factors = {package.unit: 1, None: 1} | dict(package.units)
    return quantity * factors[unit] if unit in factors else None


def what_left(
    released: Goods | None, reports: Sequence[Reported], elsewhere: Collection[str], problems: Sequence[str] = (), again: int = 0
) -> Left:
    """``released`` is None of goods that nobody released; ``elsewhere`` are the serials that another line holds, ``problems`` what else
    keeps one record from saying what left, ``again`` so many units came back and left once more by a report of all of the line.
    """
    units = shipped([report for report in reports if report.is_known], released.units if released else 0) + again
    given = [serial for report in reports for serial in report.serials]
    problems = [
        *problems,
        *(["unit_unknown"] if not all(report.is_known for report in reports) else []),
        *(["more_than_released"] if released and units > released.units else []),
        *(["serials_do_not_match_quantity"] if any(report.serials and report.units != len(report.serials) for report in reports) else []),
        *(["serial_reported_twice"] if len(set(given)) != len(given) else []),
        *(["serial_of_another_line"] if not set(given).isdisjoint(elsewhere) else []),
    ]
    kind = _kind(reports, released)
    unsaid = [] if kind is not None else [LOTS_DIFFER]
    if released:
        problems += unsaid
    whole = released is None or units >= released.units
    serials = _serials(released.serials if released else (), given, units)
    if not problems and not set(serials or ()).isdisjoint(elsewhere):
        problems.append("serial_of_another_line")
    if problems:
        if released and "serial_of_another_line" not in problems and not set(released.serials).isdisjoint(elsewhere):
            problems.append("serial_of_another_line")
        return Left(_as_released(released, elsewhere) if released else Goods(units), whole, tuple(problems))
    goods = Goods(units, serials or (), *(kind or (None, None)))
    return Left(goods, whole, (*unsaid, *([UNKNOWN_SERIALS] if serials is None else [])))


def _as_released(released: Goods, elsewhere: Collection[str]) -> Goods:
    """What was released; without its serials where another line has one of them by now: none stands in two records."""
    return released if set(released.serials).isdisjoint(elsewhere) else msgspec.structs.replace(released, serials=())


def _kind(reports: Sequence[Reported], released: Goods | None) -> tuple[str | None, date | None] | None:
    """Lot and day of expiry of all that left; None where one of the two differs. Who leaves one unsaid does not say otherwise."""
    kinds = [_lot(report, released) for report in reports]
    lots, days = {lot for lot, _ in kinds} - {None}, {day for _, day in kinds} - {None}
    return None if len(lots) > 1 or len(days) > 1 else (next(iter(lots), None), next(iter(days), None))


def _lot(report: Reported, released: Goods | None) -> tuple[str | None, date | None]:
    """Lot and day of expiry: where the lot is another, the released one's day says nothing of it."""
    if released is None or (report.lot is not None and report.lot != released.lot):
        return report.lot, report.expires_on
    return released.lot, report.expires_on or released.expires_on


def _serials(released: tuple[str, ...], given: Collection[str], units: int) -> tuple[str, ...] | None:
    """Which vials left: those named, and those released where all the others left too; None where that is not known."""
    others = [serial for serial in released if serial not in given]
    unnamed = units - len(given)
    if unnamed and not (given or released):
        return ()
    if unnamed not in (0, len(others)):
        return None
    left = {*given, *(others if unnamed else ())}
    return (*[serial for serial in released if serial in left], *sorted(left.difference(released)))


def _given(value: Any) -> Any:
    return None if value is UNSET else value

"""Which day to come could change an answer: until it begins, deciding again gives the same outcomes and reasons, whatever the instant.

The registry's age is left out: a registry that grows old changes no day.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from gatekeeper.domain.calendar import day_in, last_valid_day, zone
from gatekeeper.domain.case import Case, Question
from gatekeeper.domain.facts import AuthorizationFact, SiteAlias, SiteFact
from gatekeeper.domain.program import Program

ONE_DAY = timedelta(days=1)
_OF_FACTS = frozenset({"site", "alias", "patient", "prescriber", "authorization", "recall"})


def next_day(case: Case, asked: Mapping[Question, Any], programs: Iterable[Program]) -> datetime | None:
    """When the next day begins on which the answer to one of the order's lines could change; None where there is none.

    ``asked`` is what deciding the case asked for, with the answers; ``programs`` those whose rules ran. A day begins where its program is.
    """
    order, _, all_programs, at, watched, _ = case
    days: list[datetime] = []
    for program in programs:
        today = day_in(at, program.time_zone)
        coming = _of_what_was_asked(asked, program, today)
        delivery_day = order.deliver_by or order.ship_on + timedelta(days=program.transit_days)
        coming += [max(line.expires_on, delivery_day) + ONE_DAY for line in order.lines if line.expires_on is not None]
        if not watched:
            coming.append(order.ship_on + timedelta(days=program.ship_date_limit_days + 1))
        _first(coming, today, program, days)
    for program in all_programs:
        modes = asked.get(("mode", program.name))
        if modes:
            today = day_in(at, program.time_zone)
            _first([day for fact in modes for day in (fact.effective_on, fact.until) if day is not None], today, program, days)
    return min(days, default=None)


@lru_cache(4096)
def begin_of(day: date, time_zone: str) -> datetime:
    """The instant, in UTC, at which the day begins in the zone."""
    return datetime.combine(day, time(), zone(time_zone)).astimezone(UTC)


def _first(coming: Iterable[date], today: date, program: Program, days: list[datetime]) -> None:
    day = min([day for day in coming if day > today], default=None)
    if day is not None:
        days.append(begin_of(day, program.time_zone))


def _of_what_was_asked(asked: Mapping[Question, Any], program: Program, today: date) -> list[date]:
    coming = []
    for question, answer in asked.items():
        if answer and question[0] in _OF_FACTS:
            for fact in answer:
                if fact.effective_on > today:
                    coming.append(fact.effective_on)
                if fact.until is not None:
                    coming.append(fact.until)
                coming += _of_its_own(fact, program)
    return coming


def _of_its_own(fact: Any, program: Program) -> tuple[date, ...]:
    """The days from which what a fact says is another, besides those from which it counts or no longer does."""
    if isinstance(fact, SiteFact):
        last = last_valid_day(fact.certified_on, fact.valid_through, program.certification_years)
        began = () if fact.certified_on is None else (fact.certified_on,)
        return began if last is None else (*began, last + ONE_DAY)
    if isinstance(fact, AuthorizationFact):
        return fact.valid_from, fact.valid_through + ONE_DAY
    return (fact.through + ONE_DAY,) if isinstance(fact, SiteAlias) else ()

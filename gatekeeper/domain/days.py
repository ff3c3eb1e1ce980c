"""Which day to come could change an answer: until it begins, deciding again gives the same outcomes and reasons, whatever the instant.

The registry's age is left out: a registry that grows old changes no day.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
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
    order, _, all_programs, at, watched = case
    days: list[datetime] = []
    for program in programs:
        seen = set(_of_what_was_asked(asked, program))
        delivery_day = order.deliver_by or order.ship_on + timedelta(days=program.transit_days)
        seen.update([max(line.expires_on, delivery_day) + ONE_DAY for line in order.lines if line.expires_on is not None])
        if not watched:
            seen.add(order.ship_on + timedelta(days=program.ship_date_limit_days + 1))
        _first(seen, at, program, days)
    for program in all_programs:
        modes = asked.get(("mode", program.name))
        if modes:
            _first(_of_facts(modes), at, program, days)
    return min(days, default=None)


def begin_of(day: date, time_zone: str) -> datetime:
    """The instant, in UTC, at which the day begins in the zone."""
    return datetime.combine(day, time(), zone(time_zone)).astimezone(UTC)


def _first(seen: Iterable[date], at: datetime, program: Program, days: list[datetime]) -> None:
    today = day_in(at, program.time_zone)
    day = min([day for day in seen if day > today], default=None)
    if day is not None:
        days.append(begin_of(day, program.time_zone))


def _of_what_was_asked(asked: Mapping[Question, Any], program: Program) -> Iterator[date]:
    for question, answer in asked.items():
        if answer and question[0] in _OF_FACTS:
            yield from _of_facts(answer)
            for fact in answer:
                if isinstance(fact, SiteFact):
                    if fact.certified_on is not None:
                        yield fact.certified_on
                    last = last_valid_day(fact.certified_on, fact.valid_through, program.certification_years)
                    if last is not None:
                        yield last + ONE_DAY
                elif isinstance(fact, AuthorizationFact):
                    yield fact.valid_from
                    yield fact.valid_through + ONE_DAY
                elif isinstance(fact, SiteAlias):
                    yield fact.through + ONE_DAY


def _of_facts(facts: Iterable[Any]) -> Iterator[date]:
    for fact in facts:
        yield fact.effective_on
        if fact.until is not None:
            yield fact.until

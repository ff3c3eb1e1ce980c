"""What may still become of an examination's lines: which are open, which are watched, and on what they hang. Pure."""

from collections.abc import Container, Iterable
from datetime import datetime
from typing import NamedTuple

from gatekeeper.domain.case import Case
from gatekeeper.domain.days import next_day
from gatekeeper.domain.products import restricted_by
from gatekeeper.domain.program import Program
from gatekeeper.domain.verdict import NOT_COVERED, RELEASED, Verdict
from gatekeeper.evidence import Asked
from gatekeeper.examinations.business_days import end_of_watch
from gatekeeper.examinations.dependencies import hangs_on, open_lines
from gatekeeper.storage.moving import question_key


class Outlook(NamedTuple):
    """Of one examination."""

    keys: tuple[int, ...] = ()
    """Of the questions whose answers could change a line's."""
    open: tuple[int, ...] = ()
    """Stopped lines that may still be released."""
    open_until: datetime | None = None
    """When the day begins that could change them."""
    watched: tuple[tuple[int, datetime], ...] = ()
    """Lines that may leave, each with the end of its watch."""
    watched_until: datetime | None = None
    """When the day begins that could change them."""


NOTHING = Outlook()


def outlook(case: Case, asked: Asked, verdict: Verdict, watch_days: int, *, reported: bool, left: Container[int] = ()) -> Outlook:
    """Of the lines of a case; those that have ``left`` are not watched. ``reported``: the wholesaler says what left."""
    if len(asked) <= 1 and all(line.outcome == NOT_COVERED for line in verdict.lines):
        return NOTHING
    programs = programs_of(case, verdict)
    waiting = tuple(open_lines(verdict))
    watched = _watched(case, asked, verdict, watch_days, left)
    # Where goods are reported a watch that is over already ends with the alert that nothing was heard.
    if not (reported or any(until > case.at for _, until in watched)):
        watched = ()
    return Outlook(
        tuple([question_key(question) for question in hangs_on(asked, verdict)]),
        waiting,
        next_day(case, asked, programs) if waiting else None,
        watched,
        next_day(case._replace(watched=True), asked, programs) if watched else None,
    )


def programs_of(case: Case, verdict: Verdict) -> list[Program]:
    """Those whose rules ran."""
    ran = {line.program for line in verdict.lines}
    return [program for program in case.programs if program.name in ran]


def _watched(case: Case, asked: Asked, verdict: Verdict, days: int, left: Container[int]) -> tuple[tuple[int, datetime], ...]:
    """One that nobody restricts is watched where a program that has ended would restrict it."""
    order = case.order
    of_its_mode = any(asked.get(("mode", program.name)) for program in case.programs)
    watched = []
    for line, judged in zip(order.lines, verdict.lines, strict=True):
        if judged.outcome == RELEASED:
            restricting: Iterable[Program] = [program for program in case.programs if program.name == judged.program]
        elif judged.outcome == NOT_COVERED and of_its_mode:
            restricting = restricted_by(line.ndc, line.gtin, case.programs)
        else:
            continue
        ends = [end_of_watch(order.ship_on, days, program.time_zone) for program in restricting]
        if ends and line.line not in left:
            watched.append((line.line, max(ends)))
    return tuple(watched)

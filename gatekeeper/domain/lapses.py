"""Released lines: what only the calendar ended waits for a registry that is not too old."""

from gatekeeper.domain.covered_line import CoveredLine


def may_be_renewed(case: CoveredLine) -> bool:
    """Whether what a registry once said to be over by now may have been renewed without our having heard of it.

    Of released lines only: nothing is released on such a guess.
    """
    return case.standing.watched and not is_current(case)


def is_current(case: CoveredLine) -> bool:
    """Whether the program's registry is not older than its limit."""
    as_of = case.answers[("as_of", case.program.name)]
    return as_of is not None and (case.standing.at - as_of).total_seconds() <= case.program.registry_age_limit_hours * 3600

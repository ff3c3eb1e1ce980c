"""The next day that could change an answer: before it begins, nothing changes; and it is not a day too early."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.domain.case import Case
from gatekeeper.domain.days import begin_of, next_day
from gatekeeper.domain.facts import Fact, ProgramFact, SiteAlias
from gatekeeper.domain.order import Order
from gatekeeper.domain.verdict import decide
from tests.domain.aliases import WithAliases
from tests.domain.test_questions import PROGRAMS, Recording, aliases, orders, worlds
from tests.domain.worlds_of_cases import ADDRESS, AT, LEMTRADA, LINE, LONG_AGO, ORDER, TODAY, known, site

LATER = AT + timedelta(days=4000)
WEST = tuple(program._replace(time_zone=zone) for program, zone in zip(PROGRAMS, ("America/New_York", "Pacific/Honolulu"), strict=True))
NEAR = st.integers(-9, 4).map(lambda offset: TODAY + timedelta(days=offset))


def answer(case: Case) -> tuple[Recording, list[tuple[str, list[str]]], list[str | None]]:
    asked = Recording(case.answers)
    verdict = decide(case._replace(answers=asked))
    said = [(line.outcome, [reason.code for reason in line.reasons]) for line in verdict.lines]
    return asked, said, [line.program for line in verdict.lines]


def changes(case: Case) -> datetime | None:
    asked, _, names = answer(case)
    return next_day(case, asked, [program for program in case.programs if program.name in names])


dated = st.builds(
    lambda order, ship_on, deliver_by, expires: order._replace(
        ship_on=ship_on, deliver_by=deliver_by, lines=tuple(line._replace(expires_on=expires) for line in order.lines)
    ),
    orders, NEAR, st.none() | NEAR, st.none() | NEAR,
)  # fmt: skip


@settings(max_examples=300)
@given(worlds, st.lists(aliases, max_size=3), dated, st.booleans(), st.integers(0, 60), st.integers(1, 10**9))
def test_until_the_next_day_begins_the_answer_is_the_same(
    world: list[Fact], several: list[SiteAlias], order: Order, watched: bool, hours: int, part: int  # noqa: FBT001
) -> None:  # fmt: skip
    """At the last instant before it, and at any other."""
    registry = known(*world)
    for program in WEST:
        registry.tell_as_of(program.name, LATER)
    case = Case(order, WithAliases(registry, *several), WEST, AT + timedelta(hours=hours), watched)
    _, now, _ = answer(case)
    end = changes(case) or case.at + timedelta(days=900)
    assert end > case.at
    for instant in (end - timedelta(microseconds=1), case.at + (end - case.at) * (part / (10**9 + 1))):
        assert answer(case._replace(at=instant))[1] == now


def one(*facts: Fact, at: datetime = AT, watched: bool = False, changed: Order = ORDER) -> datetime | None:
    registry = known(*facts)
    registry.tell_as_of("lemtrada", LATER)
    return changes(Case(changed, registry, (LEMTRADA,), at, watched))


@pytest.mark.parametrize(("watched", "day"), [(False, date(2026, 12, 1)), (True, date(2028, 1, 1))])
def test_a_released_line_may_leave_until_its_site_s_certificate_ends(watched: bool, day: date) -> None:  # noqa: FBT001
    """Eight days after the ship date a line that was not released may not be any more; one that was may."""
    assert one(watched=watched) == begin_of(day, "America/New_York")


def test_a_suspension_told_in_advance_counts_from_its_day_in_the_program_s_zone() -> None:
    suspended = site("HF1", "healthcare_facility")._replace(sequence=9, status="suspended", effective_on=date(2026, 11, 24))
    assert one(suspended) == datetime(2026, 11, 24, 5, tzinfo=UTC)


def test_a_mode_counts_from_its_day_in_the_zone_of_its_program() -> None:
    assert one(ProgramFact("lemtrada", 9, date(2026, 11, 22), "discretion")) == datetime(2026, 11, 22, 5, tzinfo=UTC)


def test_an_expiry_counts_where_it_is_after_the_delivery() -> None:
    soon = ORDER._replace(lines=(LINE._replace(expires_on=date(2026, 11, 26)),))
    assert one(changed=soon) == begin_of(date(2026, 11, 27), "America/New_York")


def test_a_fact_that_a_snapshot_left_out_ends_on_its_day() -> None:
    ending = site("PH1", "pharmacy")._replace(until=date(2026, 11, 25), effective_on=LONG_AGO, sequence=7)
    there = ORDER._replace(ship_to=ORDER.ship_to._replace(rems_site_id="PH1"))
    assert one(ending, changed=there) == begin_of(date(2026, 11, 25), "America/New_York")


def test_an_alias_counts_to_the_end_of_its_last_day() -> None:
    hospital = ADDRESS._replace(street="First Pavilion", street2=None)
    alias = SiteAlias("lemtrada", "A-1", LONG_AGO, "HF1", "WD-001", TODAY + timedelta(days=1), hospital)
    registry = known()
    registry.tell_as_of("lemtrada", LATER)
    order = ORDER._replace(ship_to=ORDER.ship_to._replace(address=hospital))
    case = Case(order, WithAliases(registry, alias), (LEMTRADA,), AT)
    assert changes(case) == begin_of(TODAY + timedelta(days=2), "America/New_York")
    told_of_its_end = case._replace(answers=WithAliases(registry, alias._replace(until=TODAY + timedelta(days=1))))
    assert changes(told_of_its_end) == begin_of(TODAY + timedelta(days=1), "America/New_York")

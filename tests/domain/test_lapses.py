"""Released lines and an old registry: what only the calendar ended waits for news, at the exact instants; what is news does not."""

from datetime import date, datetime, timedelta

import pytest

from gatekeeper.domain.case import Case
from gatekeeper.domain.facts import AuthorizationFact, Fact, PatientFact, PrescriberFact, RecallFact, SiteAlias, SiteFact
from gatekeeper.domain.order import Address, Order
from gatekeeper.domain.program import Program
from gatekeeper.domain.verdict import decide
from gatekeeper.judging.known import Known
from tests.domain.aliases import WithAliases
from tests.domain.worlds_of_cases import AT, LEMTRADA, LINE, LONG_AGO, ORDER, TODAY, facts, known, lines, row, site, told

YESTERDAY = TODAY - timedelta(days=1)
OLD = AT - timedelta(hours=30)
"""Too old."""
HF1 = site("HF1", "healthcare_facility")
LAPSED = HF1._replace(sequence=5, effective_on=date(2026, 1, 1), valid_through=YESTERDAY)
AUTHORIZATION = AuthorizationFact(
    "lemtrada", 6, date(2026, 1, 1), "AU-1", "authorized", "P-1", "PR-1", "HF1", 5, LONG_AGO, date(2028, 12, 31)
)
TO_PHARMACY = ORDER._replace(ship_to=ORDER.ship_to._replace(rems_site_id="PH1"))


class AsOf(Known):
    """All that the registry knows, and of which instant it speaks, by program."""

    def __init__(self, registry: Known, **as_of: datetime | None) -> None:
        super().__init__()
        self._answers |= registry
        self._answers |= {("as_of", program): instant for program, instant in as_of.items()}


def judge(*more: Fact, as_of: datetime | None = OLD, watched: bool = True, order: Order = ORDER) -> list[str]:
    return told(decide(Case(order, AsOf(known(*more), lemtrada=as_of), (LEMTRADA,), AT, watched)))


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (AT - timedelta(hours=24), "blocked certification_lapsed"),
        (AT - timedelta(hours=24, microseconds=-1), "blocked certification_lapsed"),
        (AT - timedelta(hours=24, microseconds=1), "released"),
        (None, "released"),
    ],
)
def test_a_lapse_waits_while_the_registry_is_too_old(as_of: datetime | None, expected: str) -> None:
    assert judge(LAPSED, as_of=as_of) == [expected]


def test_the_last_day_itself_is_no_lapse() -> None:
    assert judge(LAPSED._replace(valid_through=TODAY), as_of=AT, order=ORDER._replace(ship_on=TODAY, deliver_by=TODAY)) == ["released"]


def test_what_was_not_released_is_stopped_by_both() -> None:
    assert judge(LAPSED, watched=False) == ["blocked registry_stale certification_lapsed"]


@pytest.mark.parametrize(
    ("lapsed", "order", "reason"),
    [
        (LAPSED, ORDER, "blocked certification_lapsed"),
        (LAPSED._replace(certified_on=date(2024, 11, 20), valid_through=None), ORDER, "blocked certification_lapsed"),
        (LAPSED, TO_PHARMACY, "held administering_site_not_certified"),
        (AUTHORIZATION._replace(valid_through=YESTERDAY), ORDER, "held authorization_not_valid"),
    ],
)
def test_each_term_that_a_registry_gives_waits(lapsed: Fact, order: Order, reason: str) -> None:
    assert judge(lapsed, order=order) == ["released"]
    assert judge(lapsed, order=order, as_of=AT) == [reason]


@pytest.mark.parametrize(
    ("news", "order", "reason"),
    [
        (HF1._replace(sequence=9, status="suspended", effective_on=YESTERDAY), ORDER, "blocked site_suspended"),
        (HF1._replace(sequence=9, status="suspended", effective_on=TODAY), ORDER, "blocked site_suspended"),
        (HF1._replace(sequence=9, status="decertified"), ORDER, "blocked site_decertified"),
        (HF1._replace(sequence=9, status="suspended"), TO_PHARMACY, "held administering_site_not_certified"),
        (HF1._replace(sequence=9, site_class="pharmacy"), TO_PHARMACY, "held administering_site_not_certified"),
        (HF1._replace(sequence=9, certified_on=TODAY + timedelta(days=1)), ORDER, "blocked certification_not_yet_valid"),
        (HF1._replace(sequence=9, valid_through=TODAY), ORDER, "held certification_lapses_before_delivery"),
        (AUTHORIZATION._replace(status="cancelled"), ORDER, "held authorization_not_valid"),
        (AUTHORIZATION._replace(valid_from=TODAY + timedelta(days=1)), ORDER, "held authorization_not_valid"),
        (AUTHORIZATION._replace(units=0), ORDER, "held authorization_exhausted"),
        (PatientFact("lemtrada", 9, TODAY, "P-1", "withdrawn"), ORDER, "held patient_not_enrolled"),
        (PrescriberFact("lemtrada", 9, TODAY, "PR-1", "decertified"), ORDER, "held prescriber_not_certified"),
        (RecallFact("lemtrada", 9, TODAY, "58468-0200-1", "A1", "recalled"), ORDER, "blocked lot_recalled"),
    ],
)
def test_what_was_told_does_not_wait_whenever_it_takes_effect(news: Fact, order: Order, reason: str) -> None:
    assert judge(news, order=order) == [reason]


def test_a_stop_by_news_says_nothing_of_what_waits() -> None:
    """A lapse beside it is said when the line, which is open then, is judged as one."""
    recalled = RecallFact("lemtrada", 9, TODAY, "58468-0200-1", "A1", "recalled")
    assert judge(LAPSED, recalled) == ["blocked lot_recalled"]
    assert judge(LAPSED, recalled, watched=False) == ["blocked registry_stale lot_recalled certification_lapsed"]


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        # The same term told again, for another address, say: the calendar ended it.
        (LAPSED._replace(sequence=9, effective_on=TODAY, name="Another name"), "released"),
        # A term that was longer, and is over as the fact takes effect: the fact ended it.
        (HF1._replace(sequence=9, effective_on=TODAY, valid_through=YESTERDAY), "blocked certification_lapsed"),
    ],
)
def test_a_fact_about_a_site_whose_term_is_over(ended: SiteFact, expected: str) -> None:
    held = (LAPSED,) if ended.name == "Another name" else ()
    assert judge(*held, ended) == [expected]


def test_an_authorization_that_a_fact_ended_does_not_wait() -> None:
    lapsed = AUTHORIZATION._replace(valid_through=YESTERDAY)
    cancelled = lapsed._replace(sequence=7, effective_on=YESTERDAY, status="cancelled")
    again = lapsed._replace(sequence=8, effective_on=TODAY)
    assert judge(AUTHORIZATION._replace(effective_on=TODAY, valid_through=YESTERDAY)) == ["held authorization_not_valid"]
    assert judge(lapsed, cancelled._replace(effective_on=TODAY)) == ["held authorization_not_valid"]
    assert judge(lapsed, cancelled, again) == ["held authorization_not_valid"]
    assert judge(lapsed, again) == ["released"]


def test_a_facility_that_was_suspended_after_its_term_does_not_wait() -> None:
    suspended = LAPSED._replace(sequence=9, status="suspended", effective_on=TODAY)
    assert judge(LAPSED, suspended, order=TO_PHARMACY) == ["held administering_site_not_certified"]


def test_what_is_no_registry_s_does_not_wait_for_one() -> None:
    """The day on a package, and the end of the wholesaler's own word for an address."""
    assert judge(order=lines(LINE._replace(expires_on=YESTERDAY))) == ["blocked product_expired"]
    elsewhere = Address("7 Side St", None, "Boston", "MA", "02110")
    order = ORDER._replace(ship_to=ORDER.ship_to._replace(address=elsewhere))
    for through, expected in ((TODAY, "released"), (YESTERDAY, "held site_address_disagrees")):
        alias = SiteAlias("lemtrada", "AL-1", LONG_AGO, "HF1", "WD-001", through, elsewhere)
        answers = AsOf(WithAliases(known(), alias), lemtrada=OLD)
        assert told(decide(Case(order, answers, (LEMTRADA,), AT, watched=True))) == [expected]


def test_a_line_that_waits_stops_no_other_of_its_order() -> None:
    other = LINE._replace(patient=LINE.patient._replace(authorization_id="AU-2") if LINE.patient else None)
    registry = known(AUTHORIZATION._replace(authorization_id="AU-2", valid_through=YESTERDAY))
    whole = LEMTRADA._replace(whole_order=True)
    for as_of, expected in (
        (OLD, ["released", "released"]),
        (AT, ["held other_line_stopped", "held authorization_not_valid"]),
    ):
        assert told(decide(Case(lines(LINE, other), AsOf(registry, lemtrada=as_of), (whole,), AT, watched=True))) == expected


def test_each_line_waits_for_the_registry_of_its_own_program() -> None:
    other: Program = LEMTRADA._replace(name="alpha", packages=(row("054321020001", "00354321020017"),), watched=())
    order = lines(LINE, LINE._replace(ndc="54321-0200-1"))
    registry = known(*facts("alpha"), LAPSED, LAPSED._replace(program="alpha"))
    for lemtrada, alpha, expected in (
        (OLD, AT, ["released", "blocked certification_lapsed"]),
        (AT, OLD, ["blocked certification_lapsed", "released"]),
        (OLD, OLD, ["released", "released"]),
    ):
        answers = AsOf(registry, lemtrada=lemtrada, alpha=alpha)
        assert told(decide(Case(order, answers, (LEMTRADA, other), AT, watched=True))) == expected

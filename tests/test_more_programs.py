"""The rules that come along show that rules are data: two REMS of other shapes, judged by the same code."""

from datetime import UTC, date, datetime

import pytest

from gatekeeper.domain.calendar import day_in
from gatekeeper.domain.case import Case
from gatekeeper.domain.facts import ProgramFact
from gatekeeper.domain.order import Line, Order
from gatekeeper.domain.products import touched_by
from gatekeeper.domain.program import Program
from gatekeeper.domain.verdict import Verdict, decide
from gatekeeper.judging.known import Known
from gatekeeper.programs import load_programs
from gatekeeper.rules import RuleBook
from tests.domain.worlds_of_cases import AT, LINE, LONG_AGO, ORDER, facts, site, told

ADDED = ("isotretinoin", "macitentan")
IN_2024 = datetime(2024, 6, 3, 15, tzinfo=UTC)
ABSORICA = LINE._replace(ndc="10631-115-31", patient=None, expires_on=date(2028, 1, 1))
OPSUMIT = LINE._replace(ndc="66215-501-30", patient=None, expires_on=date(2028, 1, 1))
CLASSES = ("pharmacy", "inpatient_pharmacy", "healthcare_facility", "dispensing_prescriber", "wholesaler")


def by_name(name: str) -> Program:
    return next(program for program in load_programs(None, ADDED) if program.name == name)


def judged(line: Line, name: str, site_class: str, at: datetime = AT) -> list[str]:
    registry = Known()
    day = day_in(at, "America/New_York")
    registry.tell(site("S", site_class, name)._replace(effective_on=day, certified_on=day))
    registry.tell_as_of(name, at)
    order = ORDER._replace(lines=(line,), ship_on=day, ship_to=ORDER.ship_to._replace(rems_site_id="S"))
    return told(decide(Case(order, registry, RuleBook.read(None, ADDED).at(at).programs, at)))


@pytest.mark.parametrize("site_class", CLASSES)
def test_isotretinoin_goes_to_pharmacies(site_class: str) -> None:
    allowed = site_class in {"pharmacy", "inpatient_pharmacy"}
    assert judged(ABSORICA, "isotretinoin", site_class) == ["released" if allowed else "blocked recipient_class_not_allowed"]


@pytest.mark.parametrize("site_class", CLASSES)
def test_macitentan_went_to_both_pharmacies_and_registered_wholesalers(site_class: str) -> None:
    allowed = site_class in {"pharmacy", "inpatient_pharmacy", "wholesaler"}
    assert judged(OPSUMIT, "macitentan", site_class, IN_2024) == ["released" if allowed else "blocked recipient_class_not_allowed"]


def test_macitentan_is_restricted_no_more() -> None:
    last = datetime(2025, 4, 3, 3, 59, tzinfo=UTC)
    assert judged(OPSUMIT, "macitentan", "wholesaler", last) == ["released"]
    assert judged(OPSUMIT, "macitentan", "healthcare_facility", last) == ["blocked recipient_class_not_allowed"]
    assert judged(OPSUMIT, "macitentan", "healthcare_facility", datetime(2025, 4, 3, 4, tzinfo=UTC)) == ["not_covered"]


def test_another_package_of_a_watched_product_is_held() -> None:
    for ndc in ("10631-115-30", "0555-1057-86", "55111-113-78", "72143-251-30"):
        assert judged(ABSORICA._replace(ndc=ndc), "isotretinoin", "pharmacy") == ["held product_unknown"]


def test_a_pharmacy_certified_a_year_ago() -> None:
    registry = Known()
    registry.tell(site("S", "pharmacy", "isotretinoin")._replace(certified_on=date(2025, 11, 20)))
    registry.tell_as_of("isotretinoin", AT)
    order = ORDER._replace(lines=(ABSORICA,), ship_to=ORDER.ship_to._replace(rems_site_id="S"))
    assert told(decide(Case(order, registry, (by_name("isotretinoin"),), AT))) == ["blocked certification_lapsed"]


def test_their_shapes_differ() -> None:
    shapes = {
        program.name: (program.patient_rule, program.feed_cadence, program.certification_years) for program in load_programs(None, ADDED)
    }
    assert shapes == {
        "isotretinoin": ("none", "none", 1),
        "lemtrada": ("authorized", "continuous", 2),
        "macitentan": ("none", "monthly", 1),
    }


def two_lines(mode: str | None = None, as_of: datetime | None = AT) -> Verdict:
    """An order of one facility, known to both registries, of products of two programs."""
    registry = Known()
    for fact in facts():
        registry.tell(fact)
    registry.tell_as_of("lemtrada", AT)
    registry.tell(site("HF1", "healthcare_facility", "isotretinoin"))
    if as_of is not None:
        registry.tell_as_of("isotretinoin", as_of)
    if mode is not None:
        registry.tell(ProgramFact("isotretinoin", 9, LONG_AGO, mode))
    order: Order = ORDER._replace(lines=(LINE, ABSORICA._replace(line=2)))
    programs = RuleBook.read(None, ADDED).at(AT).programs
    verdict = decide(Case(order, registry, programs, AT))
    assert decide(Case(order, registry, touched_by(order, programs), AT)) == verdict
    return verdict


def test_each_line_is_judged_by_its_own_registry_mode_and_freshness() -> None:
    assert told(two_lines()) == ["released", "blocked recipient_class_not_allowed"]
    assert told(two_lines(as_of=None)) == ["released", "blocked registry_stale recipient_class_not_allowed"]
    assert told(two_lines("discretion")) == ["released", "released (recipient_class_not_allowed)"]
    assert told(two_lines("discretion", as_of=None)) == ["released", "held registry_stale (recipient_class_not_allowed)"]
    assert told(two_lines("ended", as_of=None)) == ["released", "not_covered"]
    assert [line.program for line in two_lines().lines] == ["lemtrada", "isotretinoin"]


@pytest.mark.parametrize(
    ("at", "expected"), [("2026-11-21T04:59:59Z", "blocked recipient_class_not_allowed"), ("2026-11-21T05:00:00Z", "not_covered")]
)
def test_a_mode_begins_with_the_day_of_the_programs_zone(at: str, expected: str) -> None:
    instant = datetime.fromisoformat(at)
    registry = Known()
    registry.tell(site("HF1", "healthcare_facility", "isotretinoin"))
    registry.tell(ProgramFact("isotretinoin", 9, date(2026, 11, 21), "ended"))
    registry.tell_as_of("isotretinoin", instant)
    order = ORDER._replace(lines=(ABSORICA,))
    assert told(decide(Case(order, registry, (by_name("isotretinoin"),), instant))) == [expected]

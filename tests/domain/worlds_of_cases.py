"""What the tests of the domain are made of: the built-in rules, an order that may leave, and a registry that says so."""

from datetime import UTC, date, datetime

from gatekeeper.domain.case import Case
from gatekeeper.domain.facts import AuthorizationFact, Fact, PatientFact, PrescriberFact, SiteFact
from gatekeeper.domain.order import Address, Line, Order, Patient, ShipTo
from gatekeeper.domain.program import CoveredPackage, Program
from gatekeeper.domain.verdict import Verdict, decide
from gatekeeper.judging.known import Known
from gatekeeper.programs import load_programs

AT = datetime(2026, 11, 20, 15, tzinfo=UTC)
TODAY = date(2026, 11, 20)
(LEMTRADA,) = load_programs()
ADDRESS = Address("100 Main St", "Ste 4", "Boston", "MA", "02110")
PATIENT = Patient("P-1", "AU-1", "PR-1", "HF1")
LINE = Line(1, "58468-0200-1", None, 1, None, "A1", date(2028, 5, 31), (), PATIENT)
ORDER = Order("WD-001", "SO-1", 1, "digest", date(2026, 11, 23), None, "DC-07", None, ShipTo(ADDRESS, "HF1"), (LINE,))
LONG_AGO = date(2024, 1, 1)


def site(site_id: str, site_class: str, program: str = "lemtrada") -> SiteFact:
    """Certified, at the one address."""
    return SiteFact(program, 1, LONG_AGO, site_id, site_class, "certified", date(2026, 1, 1), None, "A site", ADDRESS)


def facts(program: str = "lemtrada") -> list[Fact]:
    """A facility and a pharmacy, a patient, a prescriber, an authorization of five units."""
    return [
        site("HF1", "healthcare_facility", program),
        site("PH1", "pharmacy", program),
        PatientFact(program, 2, LONG_AGO, "P-1", "enrolled"),
        PrescriberFact(program, 3, LONG_AGO, "PR-1", "certified"),
        AuthorizationFact(program, 4, LONG_AGO, "AU-1", "authorized", "P-1", "PR-1", "HF1", 5, LONG_AGO, date(2028, 12, 31)),
    ]


def known(*more: Fact, program: str = "lemtrada") -> Known:
    """The registry with these facts beside the usual ones, as of now."""
    registry = Known()
    registry.tell_as_of(program, AT)
    for fact in (*facts(program), *more):
        registry.tell(fact)
    return registry


def lines(*several: Line) -> Order:
    """The order with these lines, numbered."""
    return ORDER._replace(lines=tuple(line._replace(line=number) for number, line in enumerate(several, 1)))


def judge(order: Order, program: Program = LEMTRADA, registry: Known | None = None) -> Verdict:
    return decide(Case(order, known() if registry is None else registry, (program,), AT))


def told(verdict: Verdict) -> list[str]:
    """Each line's outcome and reasons, as the labelled cases write them."""
    return [
        " ".join([line.outcome, *(reason.code if reason.stops else f"({reason.code})" for reason in line.reasons)])
        for line in verdict.lines
    ]


def row(ndc: str, gtin: str, **units: int) -> CoveredPackage:
    return CoveredPackage(ndc, gtin, "A product", "vial", tuple({"vial": 1, **units}.items()))

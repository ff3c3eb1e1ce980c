"""A decision asks nothing that the two rounds have not fetched; and a recording of what it asked decides it again."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.domain.case import Answers, Case, Earlier, Question
from gatekeeper.domain.facts import AuthorizationFact, Fact, ProgramFact, RecallFact, SiteAlias, SiteFact
from gatekeeper.domain.order import Address, Line, Order, Patient, ShipTo
from gatekeeper.domain.program import Program
from gatekeeper.domain.questions import more_questions, questions
from gatekeeper.domain.verdict import Verdict, decide
from tests.domain.aliases import WithAliases
from tests.domain.worlds_of_cases import ADDRESS, AT, LEMTRADA, LINE, LONG_AGO, ORDER, TODAY, known, row, site

SECOND = LEMTRADA._replace(name="second", packages=(row("058468002001", "00358468002013"),), patient_rule="present", whole_order=True)
PROGRAMS = (LEMTRADA, SECOND)
NAMES = st.sampled_from(["lemtrada", "second", "elsewhere"])
IDS = st.sampled_from(["HF1", "PH1", "X1", "X2"])
DAYS = st.sampled_from([LONG_AGO, TODAY, TODAY + timedelta(days=1), TODAY + timedelta(days=3)])
VALUES = st.sampled_from(["1234567893", "0614141000029", "AP5836727", "WD-001:1", "WD-001:2"])
KINDS = st.sampled_from(["npi", "dea", "gln", "hin", "account"])
CLASSES = st.sampled_from(["pharmacy", "healthcare_facility", "wholesaler"])
ADDRESSES = st.sampled_from([ADDRESS, Address("2 Other Rd", None, "Boston", "MA", "02110"), None])

sites = st.builds(
    SiteFact,
    program=NAMES,
    sequence=st.integers(1, 50),
    effective_on=DAYS,
    site_id=IDS,
    site_class=CLASSES,
    status=st.sampled_from(["certified", "certified", "suspended", "pending"]),
    certified_on=DAYS,
    valid_through=st.none() | DAYS,
    address=ADDRESSES,
    identifiers=st.lists(st.tuples(KINDS, st.lists(VALUES, max_size=2).map(tuple)), max_size=3, unique_by=lambda pair: pair[0]).map(tuple),
)
authorizations = st.builds(
    AuthorizationFact,
    program=NAMES,
    sequence=st.integers(1, 50),
    effective_on=DAYS,
    authorization_id=st.sampled_from(["AU-1", "AU-2"]),
    status=st.sampled_from(["authorized", "cancelled"]),
    patient_id=st.sampled_from(["P-1", "P-2"]),
    prescriber_id=st.sampled_from(["PR-1", "PR-2"]),
    administering_site_id=IDS,
    units=st.integers(1, 5),
    valid_from=DAYS,
    valid_through=DAYS,
)
untils = st.none() | DAYS
recalls = st.builds(RecallFact, NAMES, st.integers(1, 50), DAYS, st.just("58468-0200-1"), st.just("A1"), st.just("recalled"), untils)
modes = st.builds(ProgramFact, NAMES, st.integers(1, 50), DAYS, st.sampled_from(["active", "discretion", "ended"]), untils)
aliases = st.builds(
    SiteAlias,
    program=NAMES,
    alias_id=st.sampled_from(["A-1", "A-2", "A-3"]),
    effective_on=DAYS,
    site_id=IDS,
    wholesaler_id=st.sampled_from(["WD-001", "WD-001", "WD-002"]),
    through=DAYS,
    address=ADDRESSES,
    account=st.sampled_from([None, "1", "2"]),
    until=untils,
)
worlds: st.SearchStrategy[list[Fact]] = st.lists(st.one_of(sites, sites, authorizations, recalls, modes), max_size=12)

maybe = st.none
lines: st.SearchStrategy[Line] = st.builds(
    Line,
    line=st.just(1),
    ndc=st.sampled_from(["58468-0200-1", "5846802001", "58468-0020-1", "58468-0200-2", "none", "00093-7180-56", None]),
    gtin=st.sampled_from([None, None, "00358468020017", "00358468002013", "00358468020018", "00300937180562"]),
    quantity=st.integers(1, 4),
    unit=st.sampled_from([None, "vial", "box"]),
    lot=st.sampled_from([None, "A1"]),
    serials=st.sampled_from([(), ("S1",), ("S1", "S2")]),
    patient=st.none()
    | st.builds(
        Patient, st.sampled_from(["P-1", None]), st.sampled_from(["AU-1", "AU-2", None]), st.sampled_from(["PR-1", None]), maybe() | IDS
    ),
)
ship_tos = st.builds(
    ShipTo,
    address=st.just(ADDRESS),
    rems_site_id=st.none() | IDS,
    account=st.sampled_from([None, "1", "2"]),
    npi=st.sampled_from([None, "1234567893"]),
    gln=st.sampled_from([None, "0614141000029"]),
    hin=st.sampled_from([None, "1234567893"]),
)
orders: st.SearchStrategy[Order] = st.builds(
    lambda ship_to, several: ORDER._replace(
        ship_to=ship_to, lines=tuple(line._replace(line=number) for number, line in enumerate(several, 1))
    ),
    ship_tos,
    st.lists(lines, min_size=1, max_size=3),
)


class Recording(dict[Question, Any]):
    """Passes questions on and keeps the answers."""

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self._answers = answers

    def __missing__(self, question: Question) -> Any:
        self[question] = self._answers[question]
        return self[question]


def told(world: list[Fact], several: list[SiteAlias]) -> Answers:
    return WithAliases(known(*world), *several)


def fetched(order: Order, programs: tuple[Program, ...], registry: Answers) -> dict[Question, Any]:
    """What a caller has after two rounds, and nothing else."""
    answers = {question: registry[question] for question in questions(order, programs)}
    return answers | {question: registry[question] for question in more_questions(order, programs, answers)}


@given(worlds, st.lists(aliases, max_size=4), orders)
def test_two_rounds_are_enough(world: list[Fact], several: list[SiteAlias], order: Order) -> None:
    registry = told(world, several)
    verdict = decide(Case(order, fetched(order, PROGRAMS, registry), PROGRAMS, AT))
    assert verdict == decide(Case(order, registry, PROGRAMS, AT))


@given(worlds, st.lists(aliases, max_size=4), orders)
def test_what_was_asked_decides_it_again(world: list[Fact], several: list[SiteAlias], order: Order) -> None:
    recording = Recording(told(world, several))
    verdict = decide(Case(order, recording, PROGRAMS, AT))
    assert decide(Case(order, dict(recording), PROGRAMS, AT)) == verdict


@given(worlds, orders)
def test_nothing_is_asked_for_what_nobody_restricts(world: list[Fact], order: Order) -> None:
    free = order._replace(lines=tuple(line._replace(ndc="00093-7180-56", gtin=None) for line in order.lines))
    recording = Recording(known(*world))
    decide(Case(free, recording, PROGRAMS, AT))
    assert set(recording) == {("order", "WD-001", "SO-1")} == questions(free, PROGRAMS)


def test_the_second_round_follows_the_answers_of_the_first() -> None:
    carrying = site("S9", "pharmacy")._replace(identifiers=(("npi", ("1234567893",)),))
    authorization = AuthorizationFact("lemtrada", 9, LONG_AGO, "AU-9", "authorized", "P-1", "PR-9", "HF9", 5, LONG_AGO, TODAY)
    registry = known(carrying, authorization)
    patient = Patient("P-1", "AU-9", None, "HF8")
    order = ORDER._replace(ship_to=ShipTo(ADDRESS, npi="1234567893"), lines=(LINE._replace(patient=patient),))
    first = questions(order, (LEMTRADA,))
    assert {("identifier", "npi", "1234567893"), ("site", "HF8"), ("authorization", "lemtrada", "AU-9")} <= first
    answers = {question: registry[question] for question in first}
    assert more_questions(order, (LEMTRADA,), answers) == {
        ("site", "S9"),
        ("alias", "S9"),
        ("site", "HF9"),
        ("prescriber", "lemtrada", "PR-9"),
    }


def test_an_order_that_is_superseded_asks_for_nothing_else() -> None:
    registry = known()
    registry.arrived("WD-001", "SO-1", Earlier(2, "other"))
    recording = Recording(registry)
    verdict: Verdict = decide(Case(ORDER, recording, (LEMTRADA,), AT))
    assert [reason.code for reason in verdict.lines[0].reasons] == ["order_superseded"]
    assert set(recording) == {("order", "WD-001", "SO-1")}


def test_a_covered_line_asks_for_what_it_names_and_no_more() -> None:
    recording = Recording(known())
    decide(Case(ORDER._replace(lines=(LINE._replace(serials=("S1",)),)), recording, PROGRAMS, AT))
    assert set(recording) == {
        ("order", "WD-001", "SO-1"),
        ("mode", "lemtrada"),
        ("as_of", "lemtrada"),
        ("site", "HF1"),
        ("recall", "lemtrada", "A1"),
        ("serial", "00358468020017", "S1"),
        ("patient", "lemtrada", "P-1"),
        ("prescriber", "lemtrada", "PR-1"),
        ("authorization", "lemtrada", "AU-1"),
        ("units", "lemtrada", "AU-1"),
    }

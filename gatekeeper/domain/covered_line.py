"""A line whose product is covered, with what its checks look at."""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from gatekeeper.domain.case import Answers, Case, Question
from gatekeeper.domain.facts import AuthorizationFact, SiteFact, holding
from gatekeeper.domain.order import Line, Order, Patient
from gatekeeper.domain.products import Reading
from gatekeeper.domain.program import CoveredPackage, Program
from gatekeeper.domain.sites import Finding, find_site

NOBODY = Patient()
DISCRETION = "discretion"


class Standing(NamedTuple):
    """How an order stands with one program on the day: the same for all its lines."""

    order: Order
    program: Program
    at: datetime
    today: date
    mode: str
    ship_day: date
    """A day before today is judged as today."""
    delivery_day: date
    finding: Finding
    answers: Answers
    watched: bool = False
    """The line was released: what only time did to registry and dates is not judged."""


class CoveredLine(NamedTuple):
    """What a check is given. ``used`` is what other lines of the order use up beyond the answers."""

    standing: Standing
    program: Program
    today: date
    answers: Answers
    site: SiteFact | None
    """The fact about the recipient that holds today; None where no site was found."""
    line: Line
    package: CoveredPackage
    reading: Reading
    units: int | None
    """The quantity in dispensing units; None where the program cannot convert the unit."""
    patient: Patient
    authorization: AuthorizationFact | None
    patient_is_judged: bool
    """The program asks for an authorized patient, and the line names one."""
    used: dict[Question, Any]

    @property
    def prescriber_id(self) -> str | None:
        """Whom the line names, else whom its authorization names."""
        if self.patient.prescriber_id is not None or self.authorization is None:
            return self.patient.prescriber_id
        return self.authorization.prescriber_id

    @property
    def administering_site_id(self) -> str | None:
        """Which the line names, else which its authorization names."""
        if self.patient.administering_site_id is not None or self.authorization is None:
            return self.patient.administering_site_id
        return self.authorization.administering_site_id


def stand(case: Case, program: Program, today: date, mode: str) -> Standing:
    order, answers, _, at, watched, _ = case
    ship_day = max(order.ship_on, today)
    deliver_by = order.deliver_by or order.ship_on + timedelta(days=program.transit_days)
    finding = find_site(order, program.name, today, answers)
    return Standing(order, program, at, today, mode, ship_day, max(deliver_by, today), finding, answers, watched)


def cover(line: Line, package: CoveredPackage, reading: Reading, standing: Standing, used: dict[Question, Any]) -> CoveredLine:
    _, program, _, today, _, _, _, finding, answers, _ = standing
    patient = line.patient or NOBODY
    authorized = program.patient_rule == "authorized"
    authorization = None
    if authorized and patient.authorization_id is not None:
        authorization = holding(answers[("authorization", program.name, patient.authorization_id)], today)
    return CoveredLine(
        standing,
        program,
        today,
        answers,
        finding.site,
        line,
        package,
        reading,
        units_of(line, package),
        patient,
        authorization,
        authorized and patient.patient_id is not None,
        used,
    )


def units_of(line: Line, package: CoveredPackage) -> int | None:
    """The quantity in dispensing units; a line without unit means them."""
    if line.unit is None or line.unit == package.unit:
        return line.quantity
    for unit, factor in package.units:
        if unit == line.unit:
            return line.quantity * factor
    return None

"""What a decision may ask, so that a caller can fetch it for many orders in two rounds.

``decide`` asks a part of this, never more. The second round hangs on the answers of the first.
"""

from gatekeeper.domain.case import Answers, Question
from gatekeeper.domain.order import Line, Order
from gatekeeper.domain.products import read_product
from gatekeeper.domain.program import Program
from gatekeeper.domain.sites import identifiers_of


def questions(order: Order, programs: tuple[Program, ...]) -> set[Question]:
    """The first round: what the order itself names."""
    asked: set[Question] = {("order", order.wholesaler_id, order.order_id)}
    for line in order.lines:
        reading = read_product(line.ndc, line.gtin, programs)
        if reading.nobodys:
            continue
        asked.update([("mode", program.name) for program in programs])
        for program, package in {*reading.gtin_rows, *reading.ndc_rows}:
            _ask_of_line(line, program, package.gtin, asked)
            _ask_of_site(order, asked)
    return asked


def more_questions(order: Order, programs: tuple[Program, ...], answers: Answers) -> set[Question]:
    """The second round: the sites that carry the identifiers, and whom the authorizations name. There is no third."""
    asked: set[Question] = set()
    for line in order.lines:
        reading = read_product(line.ndc, line.gtin, programs)
        rows = (*reading.gtin_rows, *reading.ndc_rows)
        if not rows:
            continue
        for kind, value in identifiers_of(order):
            asked.update([(of, site_id) for site_id in answers[("identifier", kind, value)] for of in ("site", "alias")])
        if line.patient is None or line.patient.authorization_id is None:
            continue
        for program in {row.program.name for row in rows if row.program.patient_rule == "authorized"}:
            for authorization in answers[("authorization", program, line.patient.authorization_id)]:
                asked.add(("prescriber", program, authorization.prescriber_id))
                asked.add(("site", authorization.administering_site_id))
    return asked


def _ask_of_site(order: Order, asked: set[Question]) -> None:
    if order.ship_to.rems_site_id is not None:
        asked.update([("site", order.ship_to.rems_site_id), ("alias", order.ship_to.rems_site_id)])
    asked.update([("identifier", kind, value) for kind, value in identifiers_of(order)])


def _ask_of_line(line: Line, program: Program, gtin: str, asked: set[Question]) -> None:
    name = program.name
    asked.add(("as_of", name))
    if line.lot is not None:
        asked.add(("recall", name, line.lot))
    asked.update([("serial", gtin, serial) for serial in line.serials])
    patient = line.patient
    if patient is None or program.patient_rule != "authorized":
        return
    if patient.patient_id is not None:
        asked.add(("patient", name, patient.patient_id))
    if patient.prescriber_id is not None:
        asked.add(("prescriber", name, patient.prescriber_id))
    if patient.authorization_id is not None:
        asked.add(("authorization", name, patient.authorization_id))
        asked.add(("units", name, patient.authorization_id))
    if patient.administering_site_id is not None:
        asked.add(("site", patient.administering_site_id))

"""The patient-level distribution record of each released covered line."""

from datetime import date
from typing import NamedTuple
from uuid import UUID

from gatekeeper.domain.ids import record_id
from gatekeeper.domain.order import Address, Line, Order, Patient
from gatekeeper.domain.products import ndc_of_record
from gatekeeper.domain.verdict import RELEASED, LineVerdict, Verdict

_NOBODY = Patient()


class DistributionRecord(NamedTuple):
    """What the REMS is told of one line that was released, an original record. The ledger adds the program's sequence and the instant."""

    record_id: UUID
    program: str
    wholesaler_id: str
    order_id: str
    revision: int
    line: int
    verdict_id: UUID
    ship_on: date
    ship_from_site_id: str
    site_id: str | None
    site_class: str | None
    site_name: str | None
    address: Address
    patient_id: str | None
    prescriber_id: str | None
    authorization_id: str | None
    administering_site_id: str | None
    ndc: str
    """11 digits, 5-4-2."""
    gtin: str
    product_name: str
    quantity: int
    unit: str
    lot: str | None
    expires_on: date | None
    serials: tuple[str, ...]


def records_for(order: Order, verdict: Verdict, verdict_id: UUID, examination: int) -> tuple[DistributionRecord, ...]:
    """One original record for each released covered line."""
    return tuple(
        record_for(order, line, judged, verdict_id, examination)
        for line, judged in zip(order.lines, verdict.lines, strict=True)
        if judged.outcome == RELEASED
    )


def record_for(order: Order, line: Line, judged: LineVerdict, verdict_id: UUID, examination: int) -> DistributionRecord:
    """The original record of one covered line."""
    package, site, patient, ship_to = judged.package, judged.site, line.patient or _NOBODY, order.ship_to
    if package is None or judged.program is None:
        raise ValueError("a recorded line has a covered package and its program")
    return DistributionRecord(
        record_id=record_id(order.wholesaler_id, order.order_id, order.revision, line.line, examination, "original"),
        program=judged.program,
        wholesaler_id=order.wholesaler_id,
        order_id=order.order_id,
        revision=order.revision,
        line=line.line,
        verdict_id=verdict_id,
        ship_on=order.ship_on,
        ship_from_site_id=order.ship_from_site_id,
        site_id=ship_to.rems_site_id if site is None else site.site_id,
        site_class=None if site is None else site.site_class,
        site_name=ship_to.name if site is None or site.name is None else site.name,
        address=ship_to.address,
        patient_id=patient.patient_id,
        prescriber_id=judged.prescriber_id,
        authorization_id=patient.authorization_id,
        administering_site_id=judged.administering_site_id,
        ndc=ndc_of_record(package.ndc),
        gtin=package.gtin,
        product_name=package.name,
        quantity=line.quantity,
        unit=package.unit if line.unit is None else line.unit,
        lot=line.lot,
        expires_on=line.expires_on,
        serials=line.serials,
    )

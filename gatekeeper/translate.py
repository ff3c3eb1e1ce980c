"""From what came over the wire to what is decided on. What is not given is ``UNSET`` there and ``None`` here."""

import hashlib
from collections.abc import Callable
from typing import Any

from msgspec import UNSET
from msgspec.structs import astuple, replace

from gatekeeper.domain import facts as domain
from gatekeeper.domain.order import Address, Line, Order, Patient, ShipTo
from gatekeeper.domain.products import covered_package
from gatekeeper.domain.program import Program
from schemas import fact as wire_facts
from schemas import order as wire_order
from schemas.canonical import canonical
from schemas.site_alias import KEPT_FACT, SiteAlias


def content_of(wire: wire_order.ShipmentOrder, programs: tuple[Program, ...]) -> bytes:
    """What the order says, in one writing: two messages that say the same give the same bytes.

    The defaults are filled in: revision 1, and of a covered product, whatever the mode, its dispensing unit.
    """
    lines = tuple([_with_unit(line, programs) for line in wire.lines])
    return canonical(replace(wire, revision=1 if wire.revision is UNSET else wire.revision, lines=lines))


def order_of(wire: wire_order.ShipmentOrder, programs: tuple[Program, ...], content: bytes | None = None) -> Order:
    """The order as the rules see it; ``content`` if the caller has it already."""
    said = content_of(wire, programs) if content is None else content
    return Order(
        wire.wholesaler_id,
        wire.order_id,
        1 if wire.revision is UNSET else wire.revision,
        hashlib.sha256(said).hexdigest(),
        wire.ship_on,
        _given(wire.deliver_by),
        wire.ship_from.site_id,
        _given(wire.ship_from.gln),
        _ship_to(wire.ship_to),
        tuple([_line(line) for line in wire.lines]),
    )


def fact_of(wire: wire_facts.Fact) -> domain.Fact:
    """The fact as the rules see it. A heartbeat says nothing about anybody, and is none."""
    return _FACTS[type(wire)](wire)


def kept_fact(body: bytes) -> domain.Fact | domain.SiteAlias:
    """The fact that the ledger keeps with this body, as the rules see it."""
    wire = KEPT_FACT.decode(body)
    return _alias(wire) if isinstance(wire, SiteAlias) else fact_of(wire)


def _with_unit(line: wire_order.Line, programs: tuple[Program, ...]) -> wire_order.Line:
    if line.unit is not UNSET:
        return line
    package = covered_package(_given(line.product.ndc), _given(line.product.gtin), programs)
    return line if package is None else replace(line, unit=package.unit)


def _given(value: Any) -> Any:
    return None if value is UNSET else value


def address_of(wire: wire_order.Address) -> Address:
    return Address(wire.street, _given(wire.street2), wire.city, wire.state, wire.postal_code)


def _ship_to(wire: wire_order.ShipTo) -> ShipTo:
    return ShipTo(
        address_of(wire.address),
        _given(wire.rems_site_id),
        _given(wire.account),
        _given(wire.npi),
        _given(wire.dea),
        _given(wire.ncpdp_id),
        _given(wire.hin),
        _given(wire.gln),
        _given(wire.name),
    )


def _line(wire: wire_order.Line) -> Line:
    patient = wire.patient
    return Line(
        wire.line,
        _given(wire.product.ndc),
        _given(wire.product.gtin),
        wire.quantity,
        _given(wire.unit),
        _given(wire.lot),
        _given(wire.expires_on),
        () if wire.serials is UNSET else wire.serials,
        None
        if patient is UNSET
        else Patient(
            _given(patient.patient_id),
            _given(patient.authorization_id),
            _given(patient.prescriber_id),
            _given(patient.administering_site_id),
        ),
    )


def _site(wire: wire_facts.SiteFact) -> domain.SiteFact:
    on_file = wire.identifiers
    identifiers = () if on_file is UNSET else zip(on_file.__struct_fields__, astuple(on_file), strict=True)
    return domain.SiteFact(
        wire.program,
        wire.sequence,
        wire.effective_on,
        wire.site_id,
        wire.site_class,
        wire.status,
        _given(wire.certified_on),
        _given(wire.valid_through),
        _given(wire.name),
        None if wire.address is UNSET else address_of(wire.address),
        tuple([(kind, values) for kind, values in identifiers if values is not UNSET]),
    )


def _patient(wire: wire_facts.PatientFact) -> domain.PatientFact:
    return domain.PatientFact(wire.program, wire.sequence, wire.effective_on, wire.patient_id, wire.status)


def _prescriber(wire: wire_facts.PrescriberFact) -> domain.PrescriberFact:
    return domain.PrescriberFact(wire.program, wire.sequence, wire.effective_on, wire.prescriber_id, wire.status)


def _authorization(wire: wire_facts.AuthorizationFact) -> domain.AuthorizationFact:
    return domain.AuthorizationFact(
        wire.program,
        wire.sequence,
        wire.effective_on,
        wire.authorization_id,
        wire.status,
        wire.patient_id,
        wire.prescriber_id,
        wire.administering_site_id,
        wire.units,
        wire.valid_from,
        wire.valid_through,
    )


def _recall(wire: wire_facts.RecallFact) -> domain.RecallFact:
    return domain.RecallFact(wire.program, wire.sequence, wire.effective_on, wire.ndc, wire.lot, wire.status)


def _program(wire: wire_facts.ProgramFact) -> domain.ProgramFact:
    return domain.ProgramFact(wire.program, wire.sequence, wire.effective_on, wire.mode)


def _alias(wire: SiteAlias) -> domain.SiteAlias:
    return domain.SiteAlias(
        wire.program,
        wire.alias_id,
        wire.effective_on,
        wire.site_id,
        wire.wholesaler_id,
        wire.through,
        None if wire.address is UNSET else address_of(wire.address),
        _given(wire.account),
    )


_FACTS: dict[type, Callable[[Any], domain.Fact]] = {
    wire_facts.SiteFact: _site,
    wire_facts.PatientFact: _patient,
    wire_facts.PrescriberFact: _prescriber,
    wire_facts.AuthorizationFact: _authorization,
    wire_facts.RecallFact: _recall,
    wire_facts.ProgramFact: _program,
}

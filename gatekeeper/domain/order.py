"""A shipment order as the rules see it. What was not given is ``None``."""

from datetime import date
from typing import NamedTuple


class Address(NamedTuple):
    street: str
    street2: str | None
    city: str
    state: str
    postal_code: str


class ShipTo(NamedTuple):
    """Where the goods go: what the order says of the site, at least one identifier and the address."""

    address: Address
    rems_site_id: str | None = None
    account: str | None = None
    npi: str | None = None
    dea: str | None = None
    ncpdp_id: str | None = None
    hin: str | None = None
    gln: str | None = None
    name: str | None = None


class Patient(NamedTuple):
    """Who a line is for. ``patient_id`` is a pseudonym that the REMS issued, never a name."""

    patient_id: str | None = None
    authorization_id: str | None = None
    prescriber_id: str | None = None
    administering_site_id: str | None = None


class Line(NamedTuple):
    line: int
    ndc: str | None
    gtin: str | None
    quantity: int
    unit: str | None = None
    lot: str | None = None
    expires_on: date | None = None
    serials: tuple[str, ...] = ()
    patient: Patient | None = None


class Order(NamedTuple):
    wholesaler_id: str
    order_id: str
    revision: int
    digest: str
    """SHA-256 (hex) of the content: two messages with the same digest say the same."""
    ship_on: date
    deliver_by: date | None
    ship_from_site_id: str
    ship_from_gln: str | None
    ship_to: ShipTo
    lines: tuple[Line, ...]

"""The shipment order (contract section 3), as it comes in. What is not given is ``UNSET``."""

from datetime import date
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import astuple

from schemas.text import Day, Id, IdWithoutColon, Instant, Serial, Text, is_day, is_instant, made_of_id_letters, made_of_serial_letters

SITE_IDENTIFIERS = ("rems_site_id", "account", "npi", "dea", "ncpdp_id", "hin", "gln")
PRODUCT_IDENTIFIERS = ("ndc", "gtin")


class Address(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    street: Text
    street2: Text | UnsetType = UNSET
    city: Text
    state: Text
    postal_code: Text


class ShipFrom(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    site_id: Id
    gln: Text | UnsetType = UNSET


class ShipTo(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """Where the goods go: at least one identifier, and the address. The name is not an identifier."""

    rems_site_id: Id | UnsetType = UNSET
    account: IdWithoutColon | UnsetType = UNSET
    npi: Text | UnsetType = UNSET
    dea: Text | UnsetType = UNSET
    ncpdp_id: Text | UnsetType = UNSET
    hin: Text | UnsetType = UNSET
    gln: Text | UnsetType = UNSET
    name: Text | UnsetType = UNSET
    address: Address


class Product(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """What is ordered, by at least one of its identifiers."""

    ndc: Text | UnsetType = UNSET
    gtin: Text | UnsetType = UNSET


class PatientOnLine(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """Who a line is for. ``patient_id`` is a pseudonym, and stands in no key, header, log or address."""

    patient_id: Id | UnsetType = UNSET
    authorization_id: Id | UnsetType = UNSET
    prescriber_id: Id | UnsetType = UNSET
    administering_site_id: Id | UnsetType = UNSET


LineNumber = Annotated[int, Meta(ge=1, le=200)]
Quantity = Annotated[int, Meta(ge=1, le=10_000)]
Revision = Annotated[int, Meta(ge=1, le=999)]
Serials = Annotated[tuple[Serial, ...], Meta(extra_json_schema={"uniqueItems": True})]


class Line(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    line: LineNumber
    product: Product
    quantity: Quantity
    unit: Text | UnsetType = UNSET
    lot: Text | UnsetType = UNSET
    expires_on: Day | UnsetType = UNSET
    serials: Serials | UnsetType = UNSET
    patient: PatientOnLine | UnsetType = UNSET


class ShipmentOrder(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """One revision of an order. An instant stays as it was written: written otherwise it is other content."""

    order_id: Id
    wholesaler_id: IdWithoutColon
    revision: Revision | UnsetType = UNSET
    ordered_at: Instant
    ship_on: Day
    deliver_by: Day | UnsetType = UNSET
    ship_from: ShipFrom
    ship_to: ShipTo
    lines: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=200)]


def order_holds(order: ShipmentOrder) -> bool:
    """Whether the order keeps the limits that its types do not check."""
    ship_to, lines = order.ship_to, order.lines
    account = ship_to.account
    ids: list[str | UnsetType] = [order.order_id, order.wholesaler_id, order.ship_from.site_id, ship_to.rems_site_id, account]
    days: list[date | UnsetType] = [order.ship_on, order.deliver_by]
    numbers = set()
    for line in lines:
        numbers.add(line.line)
        days.append(line.expires_on)
        if not is_named(line.product):
            return False
        if line.serials is not UNSET and not serials_hold(line.serials):
            return False
        if line.patient is not UNSET:
            ids += astuple(line.patient)
    return (
        len(numbers) == len(lines)
        and ":" not in order.wholesaler_id
        and (account is UNSET or ":" not in account)
        and made_of_id_letters([text for text in ids if text is not UNSET])
        and all(is_day(day) for day in days if day is not UNSET)
        and is_instant(order.ordered_at)
        and is_identified(ship_to)
    )


def serials_hold(serials: tuple[str, ...]) -> bool:
    """Whether serials are given, each once, in the alphabet of serials."""
    return bool(serials) and len(set(serials)) == len(serials) and made_of_serial_letters(serials)


def is_named(product: Product) -> bool:
    """Whether the product has one of its identifiers."""
    return product.ndc is not UNSET or product.gtin is not UNSET


def is_identified(ship_to: ShipTo) -> bool:
    """Whether the recipient has one of its identifiers."""
    return ship_to.rems_site_id is not UNSET or any(getattr(ship_to, name) is not UNSET for name in SITE_IDENTIFIERS)

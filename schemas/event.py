"""The shipment event (contract section 7), as it comes in: what became of goods. What is not given is ``UNSET``."""

from datetime import date
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import astuple

from schemas.order import LineNumber, PatientOnLine, Product, Quantity, Revision, Serials, ShipTo, is_identified, is_named, serials_hold
from schemas.text import Day, Id, IdWithoutColon, Instant, Text, is_day, is_instant, made_of_id_letters

EventKind = Literal["shipped", "cancelled", "returned"]
NAMES_ITS_LINES = ("shipped", "returned")
"""The kinds of events that say which lines; a cancellation without lines is of the whole order."""


class EventLine(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """What became of one line of the order. Goods and patient are given only where they differ from the order, or there is none."""

    line: LineNumber
    quantity: Quantity | UnsetType = UNSET
    unit: Text | UnsetType = UNSET
    serials: Serials | UnsetType = UNSET
    lot: Text | UnsetType = UNSET
    expires_on: Day | UnsetType = UNSET
    product: Product | UnsetType = UNSET
    patient: PatientOnLine | UnsetType = UNSET
    verified: bool | UnsetType = UNSET


class ShipmentEvent(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """One thing that happened to goods: they left, they stay, they came back."""

    event_id: Id
    wholesaler_id: IdWithoutColon
    order_id: Id
    revision: Revision | UnsetType = UNSET
    event: EventKind
    at: Instant
    lines: Annotated[tuple[EventLine, ...], Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    ship_to: ShipTo | UnsetType = UNSET
    carrier: Text | UnsetType = UNSET
    tracking: Text | UnsetType = UNSET


def event_holds(event: ShipmentEvent) -> bool:
    """Whether the event keeps the limits that its types do not check."""
    ids: list[str | UnsetType] = [event.event_id, event.order_id, event.wholesaler_id]
    if event.lines is UNSET:
        if event.event in NAMES_ITS_LINES:
            return False
    elif not _lines_hold(event.lines, ids):
        return False
    account: str | UnsetType = UNSET
    if event.ship_to is not UNSET:
        if not is_identified(event.ship_to):
            return False
        account = event.ship_to.account
        ids += [event.ship_to.rems_site_id, account]
    return (
        ":" not in event.wholesaler_id
        and (account is UNSET or ":" not in account)
        and made_of_id_letters([text for text in ids if text is not UNSET])
        and is_instant(event.at)
    )


def _lines_hold(lines: tuple[EventLine, ...], ids: list[str | UnsetType]) -> bool:
    """Adds the ids of the lines to ``ids``."""
    days: list[date | UnsetType] = []
    for line in lines:
        days.append(line.expires_on)
        if line.product is not UNSET and not is_named(line.product):
            return False
        if line.serials is not UNSET and not serials_hold(line.serials):
            return False
        if line.patient is not UNSET:
            ids += astuple(line.patient)
    return len({line.line for line in lines}) == len(lines) and all(is_day(day) for day in days if day is not UNSET)

"""The patient-level distribution record (contract section 7)."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from schemas.fact import SiteClass
from schemas.order import Address, LineNumber, Revision, Serials
from schemas.text import Count, Day, Id, IdWithoutColon, Instant, Text


class RecordShipFrom(Struct, frozen=True, kw_only=True):
    """Null where goods left outside the gate and nobody said from where."""

    site_id: Id | None


class RecordShipTo(Struct, frozen=True, kw_only=True):
    """The site as the registry knew it on the day; null where a program under discretion let goods go to a site that it does not know."""

    site_id: Id | None
    site_class: SiteClass | None = field(name="class")
    name: Text | UnsetType = UNSET
    address: Address | UnsetType = UNSET


class RecordProduct(Struct, frozen=True, kw_only=True):
    """The covered package: its NDC as 5-4-2."""

    ndc: Text
    gtin: Text
    name: Text


class DistributionRecord(Struct, frozen=True, kw_only=True):
    """One record. It is never changed: a later one ``replaces`` it, and names it. ``sequence`` has no gaps within a program.

    A ``correction`` or a ``void`` ends the record that it names, a ``return`` does not: it says what came back of it. A ``void`` says once
    more what it ends; where that is a return, it did not come back.
    """

    record_id: Id
    program: Id
    sequence: Count
    kind: Literal["original", "correction", "void", "return"]
    replaces: Id | None
    wholesaler_id: IdWithoutColon
    order_id: Id
    revision: Revision
    line: LineNumber
    verdict_id: Id | UnsetType = UNSET
    outside_gate: Literal[True] | UnsetType = UNSET
    recorded_at: Instant
    ship_on: Day
    ship_from: RecordShipFrom
    ship_to: RecordShipTo
    patient_id: Id | UnsetType = UNSET
    prescriber_id: Id | UnsetType = UNSET
    authorization_id: Id | UnsetType = UNSET
    administering_site_id: Id | UnsetType = UNSET
    product: RecordProduct
    quantity: Count
    unit: Text
    lot: Text | UnsetType = UNSET
    expires_on: Day | UnsetType = UNSET
    serials: Serials | UnsetType = UNSET

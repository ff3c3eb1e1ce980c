"""What a person adds to goods that left outside the gate, so that a distribution record can be made of them. Never on a topic."""

from msgspec import UNSET, Struct, UnsetType

from schemas.order import PatientOnLine, Product, Quantity, Serials, ShipFrom, ShipTo
from schemas.text import Day, Text


class Completion(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything is optional; what is given comes before what the event and the order say."""

    product: Product | UnsetType = UNSET
    quantity: Quantity | UnsetType = UNSET
    unit: Text | UnsetType = UNSET
    lot: Text | UnsetType = UNSET
    expires_on: Day | UnsetType = UNSET
    serials: Serials | UnsetType = UNSET
    patient: PatientOnLine | UnsetType = UNSET
    ship_to: ShipTo | UnsetType = UNSET
    ship_from: ShipFrom | UnsetType = UNSET

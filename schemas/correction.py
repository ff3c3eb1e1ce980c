"""What a person changes of a distribution record that a REMS rejected. What is not given stays as it is."""

from msgspec import UNSET, Struct, UnsetType

from schemas.canonical import canonical
from schemas.event import EventLine, ShipmentEvent
from schemas.order import PatientOnLine, Serials
from schemas.reading import Unreadable, read_event
from schemas.text import Day, Id, Text


class RecordChanges(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who the goods are for and which they are; how many left, and to where, is what shipment events say."""

    patient_id: Id | UnsetType = UNSET
    prescriber_id: Id | UnsetType = UNSET
    authorization_id: Id | UnsetType = UNSET
    administering_site_id: Id | UnsetType = UNSET
    lot: Text | UnsetType = UNSET
    expires_on: Day | UnsetType = UNSET
    serials: Serials | UnsetType = UNSET


def changes_hold(changes: RecordChanges) -> bool:
    """Whether every member keeps the limits of the contract: those of an event that says the same."""
    patient = PatientOnLine(
        patient_id=changes.patient_id,
        prescriber_id=changes.prescriber_id,
        authorization_id=changes.authorization_id,
        administering_site_id=changes.administering_site_id,
    )
    line = EventLine(line=1, lot=changes.lot, expires_on=changes.expires_on, serials=changes.serials, patient=patient)
    event = ShipmentEvent(event_id="E", wholesaler_id="W", order_id="O", event="shipped", at="2026-01-01T00:00:00Z", lines=(line,))
    return not isinstance(read_event(canonical(event)), Unreadable)

"""The shipment event, for telling every problem of one that cannot be read."""

from typing import Any, get_args

from marshmallow import ValidationError, validates_schema

from schemas.event import NAMES_ITS_LINES, EventKind, EventLine, ShipmentEvent
from schemas.members import SENTENCES, Day, Instant, Items, MessageSchema, OneOf, Part, TrueOrFalse, WholeNumber, Words, Written
from schemas.order_schema import (
    SERIAL_SENTENCE,
    PatientSchema,
    ProductSchema,
    ShipToSchema,
    identity,
    identity_without_colon,
    lines_with_a_number_before,
)
from schemas.text import SERIAL


class EventLineSchema(MessageSchema):
    struct = EventLine
    lists = frozenset({"serials"})
    line = WholeNumber(1, 200, required=True)
    quantity = WholeNumber(1, 10_000)
    unit = Words()
    serials = Items(Written(SERIAL, SERIAL_SENTENCE), once=True)
    lot = Words()
    expires_on = Day()
    product = Part(ProductSchema)
    patient = Part(PatientSchema)
    verified = TrueOrFalse()


class EventSchema(MessageSchema):
    struct = ShipmentEvent
    event_id = identity(required=True)
    wholesaler_id = identity_without_colon(required=True)
    order_id = identity(required=True)
    revision = WholeNumber(1, 999)
    event = OneOf(get_args(EventKind), required=True)
    at = Instant(required=True)
    lines = Items(Part(EventLineSchema), least=1, most=200)
    ship_to = Part(ShipToSchema)
    carrier = Words()
    tracking = Words()

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def names_its_lines_once(self, _: Any, original: Any, **__: Any) -> None:
        if not isinstance(original, dict):
            return
        kind, lines = original.get("event"), original.get("lines", "")
        if isinstance(kind, str) and kind in NAMES_ITS_LINES and lines == "":
            raise ValidationError({"lines": [SENTENCES["required"]]})
        if twice := lines_with_a_number_before(lines):
            raise ValidationError({"lines": twice})

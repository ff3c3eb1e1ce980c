"""The shipment order, for telling every problem of one that cannot be read."""

from typing import Any

from marshmallow import ValidationError, validates_schema

from schemas.members import TWICE, Day, Instant, Items, MessageSchema, Part, WholeNumber, Words, Written
from schemas.order import PRODUCT_IDENTIFIERS, SITE_IDENTIFIERS, Address, Line, PatientOnLine, Product, ShipFrom, ShipmentOrder, ShipTo
from schemas.text import ID, ID_WITHOUT_COLON, SERIAL

ID_SENTENCE = "Must be 1 to 64 characters of A-Z, a-z, 0-9, point, underscore, colon and hyphen."
ID_WITHOUT_COLON_SENTENCE = "Must be 1 to 64 characters of A-Z, a-z, 0-9, point, underscore and hyphen, without a colon."
SERIAL_SENTENCE = "Must be 1 to 20 characters of the set of GS1 AI (21)."


def identity(*, required: bool = False) -> Written:
    return Written(ID, ID_SENTENCE, required=required)


def identity_without_colon(*, required: bool = False) -> Written:
    return Written(ID_WITHOUT_COLON, ID_WITHOUT_COLON_SENTENCE, required=required)


def has_one_of(names: tuple[str, ...], document: Any) -> bool:
    """Whether at least one of these members is given, be it right or wrong. What is no object is another problem."""
    return not isinstance(document, dict) or any(document.get(name, "") != "" for name in names)


def lines_with_a_number_before(lines: Any) -> dict[int, Any]:
    """The lines, by their place, whose number another line before has, with what is to be said of it."""
    seen: set[int] = set()
    twice: dict[int, Any] = {}
    for index, line in enumerate(lines[:200] if isinstance(lines, list) else ()):
        number = line.get("line") if isinstance(line, dict) else None
        if type(number) is int and number in seen:
            twice[index] = {"line": [TWICE]}
        elif type(number) is int:
            seen.add(number)
    return twice


class AddressSchema(MessageSchema):
    struct = Address
    street = Words(required=True)
    street2 = Words()
    city = Words(required=True)
    state = Words(required=True)
    postal_code = Words(required=True)


class ShipFromSchema(MessageSchema):
    struct = ShipFrom
    site_id = identity(required=True)
    gln = Words()


class ShipToSchema(MessageSchema):
    struct = ShipTo
    rems_site_id = identity()
    account = identity_without_colon()
    npi = Words()
    dea = Words()
    ncpdp_id = Words()
    hin = Words()
    gln = Words()
    name = Words()
    address = Part(AddressSchema, required=True)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def is_identified(self, _: Any, original: Any, **__: Any) -> None:
        if not has_one_of(SITE_IDENTIFIERS, original):
            raise ValidationError(f"Must give at least one of {', '.join(SITE_IDENTIFIERS)}.")


class ProductSchema(MessageSchema):
    struct = Product
    ndc = Words()
    gtin = Words()

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def is_identified(self, _: Any, original: Any, **__: Any) -> None:
        if not has_one_of(PRODUCT_IDENTIFIERS, original):
            raise ValidationError("Must give at least one of ndc, gtin.")


class PatientSchema(MessageSchema):
    struct = PatientOnLine
    patient_id = identity()
    authorization_id = identity()
    prescriber_id = identity()
    administering_site_id = identity()


class LineSchema(MessageSchema):
    struct = Line
    lists = frozenset({"serials"})
    line = WholeNumber(1, 200, required=True)
    product = Part(ProductSchema, required=True)
    quantity = WholeNumber(1, 10_000, required=True)
    unit = Words()
    lot = Words()
    expires_on = Day()
    serials = Items(Written(SERIAL, SERIAL_SENTENCE), once=True)
    patient = Part(PatientSchema)


class OrderSchema(MessageSchema):
    struct = ShipmentOrder
    order_id = identity(required=True)
    wholesaler_id = identity_without_colon(required=True)
    revision = WholeNumber(1, 999)
    ordered_at = Instant(required=True)
    ship_on = Day(required=True)
    deliver_by = Day()
    ship_from = Part(ShipFromSchema, required=True)
    ship_to = Part(ShipToSchema, required=True)
    lines = Items(Part(LineSchema), least=1, most=200, required=True)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def numbers_each_line_once(self, _: Any, original: Any, **__: Any) -> None:
        twice = lines_with_a_number_before(original.get("lines")) if isinstance(original, dict) else {}
        if twice:
            raise ValidationError({"lines": twice})

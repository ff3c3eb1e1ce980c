"""Registry facts and the header of a snapshot, for telling every problem of one that cannot be read."""

from typing import Any, Final, get_args

from marshmallow import ValidationError, validates_schema

from schemas.fact import (
    AuthorizationFact,
    AuthorizationStatus,
    FactKind,
    Heartbeat,
    Identifiers,
    PatientFact,
    PatientStatus,
    PrescriberFact,
    PrescriberStatus,
    ProgramFact,
    ProgramMode,
    RecallFact,
    RecallStatus,
    SiteClass,
    SiteFact,
    SiteStatus,
    SnapshotHeader,
)
from schemas.members import SENTENCES, Day, Instant, Items, MessageSchema, OneOf, Part, WholeNumber, Words, Written
from schemas.order_schema import AddressSchema, identity
from schemas.text import ACCOUNT_ON_FILE, MOST, SHA256


class IdentifiersSchema(MessageSchema):
    struct = Identifiers
    lists = frozenset({"npi", "dea", "ncpdp_id", "hin", "gln", "account"})
    npi = Items(Words())
    dea = Items(Words())
    ncpdp_id = Items(Words())
    hin = Items(Words())
    gln = Items(Words())
    account = Items(Written(ACCOUNT_ON_FILE, "Must be the ids of wholesaler and account, joined by one colon."))


class FactSchema(MessageSchema):
    """What all facts have. ``fact`` chose the schema, and is no member of the struct."""

    fact = Words(required=True)
    program = identity(required=True)
    sequence = WholeNumber(1, MOST, required=True)

    def make_struct(self, members: dict[str, Any]) -> Any:
        return self.struct(**{name: value for name, value in members.items() if name != "fact"})


class SiteSchema(FactSchema):
    struct = SiteFact
    effective_on = Day(required=True)
    site_id = identity(required=True)
    site_class = OneOf(get_args(SiteClass), required=True, data_key="class")
    status = OneOf(get_args(SiteStatus), required=True)
    certified_on = Day()
    valid_through = Day()
    name = Words()
    address = Part(AddressSchema)
    identifiers = Part(IdentifiersSchema)
    authorized_representative = Words()

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def says_since_when_it_is_certified(self, _: Any, original: Any, **__: Any) -> None:
        if isinstance(original, dict) and original.get("status") == "certified" and original.get("certified_on", "") == "":
            raise ValidationError({"certified_on": [SENTENCES["required"]]})


class PatientFactSchema(FactSchema):
    struct = PatientFact
    effective_on = Day(required=True)
    patient_id = identity(required=True)
    status = OneOf(get_args(PatientStatus), required=True)


class PrescriberSchema(FactSchema):
    struct = PrescriberFact
    effective_on = Day(required=True)
    prescriber_id = identity(required=True)
    status = OneOf(get_args(PrescriberStatus), required=True)
    npi = Words()


class AuthorizationSchema(FactSchema):
    struct = AuthorizationFact
    effective_on = Day(required=True)
    authorization_id = identity(required=True)
    status = OneOf(get_args(AuthorizationStatus), required=True)
    patient_id = identity(required=True)
    prescriber_id = identity(required=True)
    administering_site_id = identity(required=True)
    course = WholeNumber(1, MOST)
    units = WholeNumber(1, MOST, required=True)
    valid_from = Day(required=True)
    valid_through = Day(required=True)
    form_submitted_on = Day()


class RecallSchema(FactSchema):
    struct = RecallFact
    effective_on = Day(required=True)
    ndc = Words(required=True)
    lot = Words(required=True)
    status = OneOf(get_args(RecallStatus), required=True)


class ProgramSchema(FactSchema):
    struct = ProgramFact
    effective_on = Day(required=True)
    mode = OneOf(get_args(ProgramMode), required=True)
    notice = Words(most=2000)


class HeartbeatSchema(FactSchema):
    struct = Heartbeat
    as_of = Instant(required=True)


class HeaderSchema(MessageSchema):
    struct = SnapshotHeader
    snapshot = identity(required=True)
    sequence = WholeNumber(1, MOST, required=True)
    as_of = Instant(required=True)
    facts = WholeNumber(0, MOST, required=True)
    sha256 = Written(SHA256, "Must be a SHA-256 in 64 digits of 0-9 and a-f.", required=True)
    covers = Items(OneOf(get_args(FactKind)), least=1, once=True)


FACT_SCHEMAS: Final[dict[str, type[FactSchema]]] = {
    "site": SiteSchema,
    "patient": PatientFactSchema,
    "prescriber": PrescriberSchema,
    "authorization": AuthorizationSchema,
    "recall": RecallSchema,
    "program": ProgramSchema,
    "heartbeat": HeartbeatSchema,
}

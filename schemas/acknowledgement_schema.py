"""The acknowledgement, for telling every problem of one that cannot be read."""

from typing import Any, get_args

from marshmallow import ValidationError, validates_schema

from schemas.acknowledgement import Acknowledgement, AcknowledgementStatus
from schemas.members import SENTENCES, Instant, MessageSchema, OneOf, Words
from schemas.order_schema import identity

NO_PROBLEM = "Must not be given where the record was accepted."


class AcknowledgementSchema(MessageSchema):
    struct = Acknowledgement
    record_id = identity(required=True)
    status = OneOf(get_args(AcknowledgementStatus), required=True)
    receipt = Words()
    at = Instant(required=True)
    problem = Words(most=2000)
    program = identity()

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def says_why(self, _: Any, original: Any, **__: Any) -> None:
        if not isinstance(original, dict):
            return
        status, given = original.get("status"), {name for name in ("receipt", "problem") if original.get(name, "") != ""}
        needed = {"accepted": "receipt", "rejected": "problem"}.get(status) if isinstance(status, str) else None
        problems = {} if needed is None or needed in given else {needed: [SENTENCES["required"]]}
        if status == "accepted" and "problem" in given:
            problems["problem"] = [NO_PROBLEM]
        if problems:
            raise ValidationError(problems)

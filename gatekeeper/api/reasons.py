"""Why somebody does something, as a member of a body."""

from typing import Any

from marshmallow import ValidationError

from gatekeeper.api.areas import Body
from gatekeeper.desk import MOST_OF_A_REASON, read_reason
from gatekeeper.errors import Unusable
from schemas.members import Member


class Reason(Member):
    """One line of text that goes on record."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:  # noqa: ARG002
        try:
            return read_reason(value if isinstance(value, str) else "")
        except Unusable:
            raise ValidationError(f"Must be a text of 1 to {MOST_OF_A_REASON} characters on one line.") from None


class ReasonBody(Body):
    """Why it is done."""

    reason = Reason(required=True, metadata={"description": "In words that an auditor understands. Name no patient."})

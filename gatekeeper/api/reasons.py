"""Why somebody does something, as a member of a body."""

from typing import Any

from marshmallow import ValidationError

from gatekeeper.api.areas import Body
from gatekeeper.desk import MOST_OF_A_REASON
from schemas.members import Member


class Reason(Member):
    """One line of text that goes on record."""

    def __init__(self, *, most: int = MOST_OF_A_REASON, **options: Any) -> None:
        super().__init__(**options)
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str) or not 1 <= len(value.strip()) <= self.most or not value.isprintable():
            raise ValidationError(f"Must be a text of 1 to {self.most:,} characters on one line.")
        return value.strip()


class ReasonBody(Body):
    """Why it is done."""

    reason = Reason(required=True, metadata={"description": "In words that an auditor understands. Name no patient."})

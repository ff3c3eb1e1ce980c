"""Patients' pseudonyms: masked, unless the caller may see them and says what for; then on record before they are shown."""

from typing import Any, Final

from flask import request

from gatekeeper.api.areas import caller, parts
from gatekeeper.api.problems import Problem
from gatekeeper.inquiries import Inquiry, record_inquiry
from gatekeeper.permissions import Permission

HEADER: Final = "Gatekeeper-Purpose"
MOST: Final = 200
PARAMETER: Final[dict[str, Any]] = {
    "in": "header",
    "name": HEADER,
    "description": "What patients' pseudonyms are wanted for, in words that an auditor understands; it goes on record. "
    "Without it they are masked.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MOST, "pattern": "^[ -~]*[!-~][ -~]*$"},
}


def purpose_of_request() -> str | None:
    """What the caller says that pseudonyms are wanted for; None where they are to be masked. Ends the request where he may not ask."""
    text = request.headers.get(HEADER)
    if text is None:
        return None
    caller().must(Permission.READ_PATIENTS)
    if not 1 <= len(text.strip()) <= MOST or not (text.isascii() and text.isprintable()):
        raise Problem("invalid-parameters", errors=[{"parameter": HEADER, "detail": f"Must be 1 to {MOST} characters of ASCII."}])
    return text.strip()


def on_record(inquiry: Inquiry) -> None:
    """From then on it may be answered."""
    record_inquiry(parts().engine, inquiry, caller().person)

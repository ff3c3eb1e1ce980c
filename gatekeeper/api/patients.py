"""Patients' pseudonyms: masked, unless the caller may see them and says what for; then on record before they are shown. Never in a URL."""

import re
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

import msgspec
from flask import g, request
from psycopg import Cursor

from gatekeeper.api.areas import caller, parts
from gatekeeper.api.problems import Problem
from gatekeeper.people.inquiries import Inquiry, Named, record_inquiry
from gatekeeper.people.permissions import Permission
from gatekeeper.storage.patient_forms import written_as_patients

HEADER: Final = "Gatekeeper-Purpose"
MOST: Final = 200
IN_A_URL: Final = ("q", "lot", "serial", "site_id")
"""Filters that take what may be a patient's id."""
NOT_IN_A_URL: Final = "Must not be written as the ids of patients and authorizations are: search by POST /v1/orders/searches."
_OF_AN_ID: Final = re.compile(r"[A-Za-z0-9._:-]+")
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


def on_record(inquiry: Inquiry, orders: Iterable[Named] = (), name: UUID | None = None) -> None:
    """From then on it may be answered: patients leave with this request where that is what it was about; ``orders`` are those of whose
    patients it tells."""
    record_inquiry(parts().engine, inquiry, caller().person, orders, name)
    if inquiry.kind == "patients":
        g.patients_on_record = True


def refuse_patients(cursor: Cursor[Any], query: dict[str, Any]) -> None:
    """Ends the request where a text of it is written as the ids of patients are: it stands in a URL."""
    told = [name for name in IN_A_URL if name in query and written_as_patients(cursor, _may_be_ids(query[name]))]
    if told:
        raise Problem("invalid-parameters", errors=[{"parameter": name, "detail": NOT_IN_A_URL} for name in told])


def _may_be_ids(text: str) -> set[str]:
    """The text, its words, and what of them an id may be made of, by itself or after a colon."""
    found = [part.strip("._:-") for part in _OF_AN_ID.findall(text)]
    return {text.strip(), *text.split(), *found, *(part.rpartition(":")[2] for part in found)}


def order_of(document: bytes) -> Named:
    """Of which order a record or a finding is: its wholesaler, and its id."""
    found = _ORDER.decode(document)
    return found.wholesaler_id, found.order_id


class _OfOrder(msgspec.Struct):
    wholesaler_id: str
    order_id: str


_ORDER: Final = msgspec.json.Decoder(_OfOrder)

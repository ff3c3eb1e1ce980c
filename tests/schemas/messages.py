"""Messages to begin from, and ways to spoil them."""

import copy
import json
from typing import Any

ORDER: dict[str, Any] = {
    "order_id": "SO-1",
    "wholesaler_id": "WD-001",
    "revision": 1,
    "ordered_at": "2026-11-20T10:00:00-05:00",
    "ship_on": "2026-11-23",
    "deliver_by": "2026-11-24",
    "ship_from": {"site_id": "DC-07", "gln": "0614141000012"},
    "ship_to": {
        "rems_site_id": "HF-0001",
        "account": "10023",
        "npi": "1234567893",
        "dea": "AP5836727",
        "ncpdp_id": "3712345",
        "hin": "5L2A3B4C5",
        "gln": "0614141000029",
        "name": "Harbor Infusion Center",
        "address": {"street": "100 Main Street", "street2": "Suite 4", "city": "Boston", "state": "MA", "postal_code": "02110"},
    },
    "lines": [
        {
            "line": 1,
            "product": {"ndc": "58468-0200-1", "gtin": "00358468020017"},
            "quantity": 5,
            "unit": "vial",
            "lot": "A1234",
            "expires_on": "2027-05-31",
            "serials": ["S1", "S2"],
            "patient": {
                "patient_id": "P-1",
                "authorization_id": "AU-1",
                "prescriber_id": "PR-1",
                "administering_site_id": "HF-0001",
            },
        },
        {"line": 2, "product": {"gtin": "00358468020017"}, "quantity": 1},
    ],
}
SITE: dict[str, Any] = {
    "fact": "site",
    "program": "lemtrada",
    "sequence": 17,
    "effective_on": "2025-06-01",
    "site_id": "HF-0001",
    "class": "healthcare_facility",
    "status": "certified",
    "certified_on": "2025-06-01",
    "valid_through": "2027-05-31",
    "name": "Harbor Infusion Center",
    "address": {"street": "100 Main St", "city": "Boston", "state": "MA", "postal_code": "02110"},
    "identifiers": {"npi": ["1234567893"], "dea": [], "account": ["WD-001:10023"]},
    "authorized_representative": "J. Rivera",
}
SUBJECT: dict[str, Any] = {"program": "lemtrada", "sequence": 18, "effective_on": "2026-01-05"}
FACTS: tuple[dict[str, Any], ...] = (
    SITE,
    {"fact": "patient", **SUBJECT, "patient_id": "P-1", "status": "enrolled"},
    {"fact": "prescriber", **SUBJECT, "prescriber_id": "PR-1", "status": "certified", "npi": "1245319599"},
    {
        "fact": "authorization",
        **SUBJECT,
        "authorization_id": "AU-1",
        "status": "authorized",
        "patient_id": "P-1",
        "prescriber_id": "PR-1",
        "administering_site_id": "HF-0001",
        "course": 1,
        "units": 5,
        "valid_from": "2026-11-01",
        "valid_through": "2026-12-01",
        "form_submitted_on": "2026-11-01",
    },
    {"fact": "recall", **SUBJECT, "ndc": "58468-0200-1", "lot": "B9999", "status": "recalled"},
    {"fact": "program", **SUBJECT, "mode": "active", "notice": "free text"},
    {"fact": "heartbeat", "program": "lemtrada", "sequence": 23, "as_of": "2026-11-20T06:00:00Z"},
)
EVENT: dict[str, Any] = {
    "event_id": "EV-1",
    "wholesaler_id": "WD-001",
    "order_id": "SO-1",
    "revision": 1,
    "event": "shipped",
    "at": "2026-11-23T16:00:00-05:00",
    "lines": [
        {
            "line": 1,
            "quantity": 4,
            "unit": "vial",
            "serials": ["S1", "S2"],
            "lot": "A1235",
            "expires_on": "2027-06-30",
            "product": {"ndc": "58468-0200-1", "gtin": "00358468020017"},
            "patient": {"patient_id": "P-1", "authorization_id": "AU-1", "prescriber_id": "PR-1", "administering_site_id": "HF-0001"},
            "verified": True,
        },
        {"line": 2},
    ],
    "ship_to": ORDER["ship_to"],
    "carrier": "Cold Chain Express",
    "tracking": "1Z999",
}
EVENTS: tuple[dict[str, Any], ...] = (
    EVENT,
    {"event_id": "EV-2", "wholesaler_id": "WD-001", "order_id": "SO-1", "event": "cancelled", "at": "2026-11-23T16:00:00Z"},
    {**{name: EVENT[name] for name in ("wholesaler_id", "order_id", "at", "lines")}, "event_id": "EV-3", "event": "returned"},
)
HEADER: dict[str, Any] = {
    "snapshot": "lemtrada",
    "sequence": 42,
    "as_of": "2026-11-20T06:00:00Z",
    "facts": 1234,
    "sha256": "0" * 64,
    "covers": ["site", "patient"],
}
ACKNOWLEDGEMENTS: tuple[dict[str, Any], ...] = (
    {"record_id": "0c1ff5ad-6f0d-5f19-9c9c-1f6a4b2f6f10", "status": "accepted", "receipt": "R-1", "at": "2026-11-21T04:12:09Z"},
    {
        "record_id": "0c1ff5ad-6f0d-5f19-9c9c-1f6a4b2f6f10",
        "status": "rejected",
        "receipt": "R-2",
        "at": "2026-11-21T04:12:09Z",
        "problem": "The authorization is of another prescriber.",
        "program": "lemtrada",
    },
)
MESSAGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("order", ORDER),
    *(("event", event) for event in EVENTS),
    *(("fact", fact) for fact in FACTS),
    ("header", HEADER),
    *(("acknowledgement", acknowledgement) for acknowledgement in ACKNOWLEDGEMENTS),
)


def places(document: Any, pointer: str = "") -> list[str]:
    """Every place in a document, by JSON Pointer, without the document itself."""
    inner = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    return [place for name, value in inner for place in (f"{pointer}/{name}", *places(value, f"{pointer}/{name}"))]


def _holder(document: Any, pointer: str) -> tuple[Any, Any]:
    *path, last = pointer.split("/")[1:]
    for name in path:
        document = document[int(name)] if isinstance(document, list) else document[name]
    return document, int(last) if isinstance(document, list) else last


def with_value(document: Any, pointer: str, value: Any) -> Any:
    """A copy in which this stands at this place."""
    changed = copy.deepcopy(document)
    holder, name = _holder(changed, pointer)
    holder[name] = value
    return changed


def without(document: Any, pointer: str) -> Any:
    """A copy in which nothing stands at this place."""
    changed = copy.deepcopy(document)
    holder, name = _holder(changed, pointer)
    del holder[name]
    return changed


def value_at(document: Any, pointer: str) -> Any:
    holder, name = _holder(document, pointer)
    return holder[name]


def encoded(document: Any) -> bytes:
    """JSON as it is mostly written; half a surrogate pair, which UTF-8 cannot hold, as an escape."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace")

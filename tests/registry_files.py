"""Registry files for tests: a header that tells the truth about its facts, unless it is told to lie."""

import hashlib
import json
from pathlib import Path
from typing import Any

AS_OF = "2026-11-20T15:00:00Z"
SITE = {
    "fact": "site",
    "program": "lemtrada",
    "sequence": 1,
    "effective_on": "2026-01-01",
    "site_id": "A",
    "class": "pharmacy",
    "status": "certified",
    "certified_on": "2026-01-01",
    "address": {"street": "1 A St", "street2": "Ste 2", "city": "Boston", "state": "MA", "postal_code": "02110"},
    "identifiers": {"npi": ["1234567893", "1245319599"], "account": ["WD-001:1"]},
    "authorized_representative": "J. Rivera",
}
PATIENT = {"fact": "patient", "program": "lemtrada", "sequence": 2, "effective_on": "2026-01-01", "patient_id": "P-1", "status": "enrolled"}


def header_of(body: bytes, count: int, **changes: Any) -> dict[str, Any]:
    """The header of a snapshot with this body."""
    digest = hashlib.sha256(body).hexdigest()
    return {"snapshot": "lemtrada", "sequence": 9, "as_of": AS_OF, "facts": count, "sha256": digest} | changes


def snapshot_file(folder: Path, *facts: dict[str, Any], **changes: Any) -> Path:
    """A snapshot file of these facts, with what its header says otherwise."""
    body = b"".join(json.dumps(fact).encode() + b"\n" for fact in facts)
    path = folder / "facts.ndjson"
    path.write_bytes(json.dumps(header_of(body, len(facts), **changes)).encode() + b"\n" + body)
    return path

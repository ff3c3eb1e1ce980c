"""Snapshot files for tests, and imports of them."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine

from gatekeeper.domain.program import Program
from gatekeeper.programs import load_programs
from gatekeeper.registry.importing import Loaded, Terms, import_file
from gatekeeper.registry.refused_files import Offered
from gatekeeper.storage.engine import transaction
from schemas.fact import Fact

Wire = dict[str, Any]
PROGRAMS: tuple[Program, ...] = load_programs()
TABLES = ("fact", "fact_presence", "registry_load", "moving_site_identifier", "moving_freshness")


class Silent:
    """Watches nothing."""

    def reading(self, facts: Iterable[Fact], total: int) -> Iterable[Fact]:  # noqa: ARG002
        return facts

    def step(self, words: str) -> None:
        pass


def site(number: int, status: str = "certified", *, sequence: int = 1, effective_on: str = "2025-01-01", **more: Any) -> Wire:
    fact = {
        "fact": "site", "program": "lemtrada", "sequence": sequence, "effective_on": effective_on, "site_id": f"HF-{number}",
        "class": "healthcare_facility", "status": status, "identifiers": {"npi": [f"100000000{number}"], "account": [f"WD-1:{number}"]},
    }  # fmt: skip
    # Whenever the tests run: who counts what is certified looks at the clock.
    term = {"certified_on": effective_on, "valid_through": "2199-12-31"}
    return fact | (term if status == "certified" else {}) | more


def patient(name: str, status: str = "enrolled", *, sequence: int = 1, effective_on: str = "2025-01-01") -> Wire:
    return {
        "fact": "patient",
        "program": "lemtrada",
        "sequence": sequence,
        "effective_on": effective_on,
        "patient_id": name,
        "status": status,
    }


def recall(lot: str, status: str = "recalled", *, sequence: int = 1, effective_on: str = "2025-01-01") -> Wire:
    return {
        "fact": "recall", "program": "lemtrada", "sequence": sequence, "effective_on": effective_on, "ndc": "58468-0200-1", "lot": lot,
        "status": status,
    }  # fmt: skip


def snapshot(path: Path, given: Iterable[Wire], /, *, sequence: int, as_of: str = "2025-06-01T12:00:00Z", **header: Any) -> Path:
    """Writes a snapshot file; ``header`` overrides what its first line says (``None``: leaves it out)."""
    lines = [json.dumps(fact).encode() + b"\n" for fact in given]
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    said = {
        "snapshot": "lemtrada", "sequence": sequence, "as_of": as_of, "facts": len(lines), "sha256": digest,
    } | header  # fmt: skip
    first = json.dumps({name: value for name, value in said.items() if value is not None}).encode() + b"\n"
    path.write_bytes(first + b"".join(lines))
    return path


def load(engine: Engine, path: Path, *, loss_percent: int = 100, person: str | None = None, most_kept: int = 1 << 24) -> Loaded:
    terms = Terms(PROGRAMS, loss_percent, most_kept)
    return import_file(engine, path, terms, Silent(), Offered(person=person))


def rows(engine: Engine, table: str) -> list[tuple[Any, ...]]:
    with transaction(engine) as cursor:
        return cursor.execute(SQL("SELECT * FROM {}").format(Identifier(table))).fetchall()


def registry(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All that a load changes of the registry."""
    return {table: sorted(rows(engine, table)) for table in TABLES}

"""Whole lists of what look-backs found, and of what needs two people: as the other exports."""

from typing import Any, Final

import msgspec
from flask import Response
from psycopg import Cursor

from gatekeeper.api import bypasses, corrections, findings, site_aliases, snapshots, voids
from gatekeeper.api.areas import reading
from gatekeeper.api.exports import AREA, OnRecord, export, streamed
from gatekeeper.api.patients import PARAMETER, order_of, purpose_of_request
from gatekeeper.api.tables import CSV
from gatekeeper.people.inquiries import Inquiry
from gatekeeper.people.permissions import Permission

__all__ = ["AREA"]
FINDING_COLUMNS: Final = (
    "wholesaler_id", "order_id", "revision", "examination", "line", "decided_at", "left_at", "state", "left", "program", "site_id",
    "site_name", "ndc", "gtin", "quantity", "unit", "lot", "serials", "patient_id", "prescriber_id", "authorization_id", "ship_to",
    "record_ids", "outcome", "reasons", "known", "found_with", "verdict_id", "bypass_id", "event_id",
)  # fmt: skip
ALIAS_COLUMNS: Final = (
    "alias_id", "state", "program", "site_id", "wholesaler_id", "through", "account", "address", "evidence", "steps", "approval",
)  # fmt: skip
SNAPSHOT_COLUMNS: Final = ("sha256", "state", "program", "problem", "size", "offered_by", "at", "approval")
CORRECTION_COLUMNS: Final = (
    "record.program", "record.sequence", "record.record_id", "record.kind", "record.wholesaler_id", "record.order_id", "record.revision",
    "record.line", "record.recorded_at", "record.ship_on", "problem", "corrections", "record",
)  # fmt: skip
BYPASS_COLUMNS: Final = (
    "bypass_id", "state", "event_id", "wholesaler_id", "order_id", "revision", "line", "program", "why", "lacks", "completion", "steps",
    "approval",
)  # fmt: skip
VOID_COLUMNS: Final = (
    "void_id", "state", "record_id", "program", "sequence", "kind", "wholesaler_id", "order_id", "revision", "line", "steps", "approval",
)  # fmt: skip


@export("/v1/exports/findings", Permission.READ_ALERTS, findings.FindingsQuery, parameters=[PARAMETER])
def export_findings(query: dict[str, Any]) -> Response:
    """Every line that a look-back found, or that had a recalled lot. It goes on record. Patients are masked unless permitted, for a
    purpose.
    """
    form, purpose = query.pop("format", CSV), purpose_of_request()
    with reading() as cursor:
        program = findings.program_of(cursor, query["alert_id"])
    told = OnRecord(Inquiry("export" if purpose is None else "patients", "export_findings", purpose, 0, program=program))

    def documents(cursor: Cursor[Any]) -> Any:
        pages = findings.every_finding(cursor, query["alert_id"])
        return (msgspec.json.decode(body) for page in (pages if purpose is None else told.each(pages, order_of)) for body in page)

    return streamed("findings", query, form, FINDING_COLUMNS, documents, told)


@export("/v1/exports/site-aliases", Permission.READ_PROPOSALS, site_aliases.SiteAliasesQuery)
def export_site_aliases(query: dict[str, Any]) -> Response:
    """Every site alias that the filters find, the oldest first. It goes on record."""
    form = query.pop("format", CSV)
    return streamed("site-aliases", query, form, ALIAS_COLUMNS, lambda cursor: site_aliases.every_site_alias(cursor, query))


@export("/v1/exports/refused-snapshots", Permission.READ_PROPOSALS, snapshots.SnapshotsQuery)
def export_refused_snapshots(query: dict[str, Any]) -> Response:
    """Every refused snapshot that the filters find, the newest first. It goes on record."""
    form = query.pop("format", CSV)
    return streamed("refused-snapshots", query, form, SNAPSHOT_COLUMNS, lambda cursor: snapshots.every_snapshot(cursor, query))


@export("/v1/exports/corrections", Permission.READ_PROPOSALS, corrections.RejectedQuery)
def export_corrections(query: dict[str, Any]) -> Response:
    """Every record of a program that needs a correction, by sequence; patients and the REMS's words masked. It goes on record."""
    form = query.pop("format", CSV)
    return streamed("corrections", query, form, CORRECTION_COLUMNS, lambda cursor: corrections.every_rejected(cursor, query))


@export("/v1/exports/bypasses", Permission.READ_PROPOSALS, bypasses.BypassesQuery)
def export_bypasses(query: dict[str, Any]) -> Response:
    """Everything that left past the gate and that the filters find, the oldest first; patients masked. It goes on record."""
    form = query.pop("format", CSV)
    return streamed("bypasses", query, form, BYPASS_COLUMNS, lambda cursor: bypasses.every_bypass(cursor, query))


@export("/v1/exports/voids", Permission.READ_PROPOSALS, voids.VoidsQuery)
def export_voids(query: dict[str, Any]) -> Response:
    """Every record that people said is to be void and that the filters find, the oldest first. It goes on record."""
    form = query.pop("format", CSV)
    return streamed("voids", query, form, VOID_COLUMNS, lambda cursor: voids.every_void(cursor, query))

"""What a person must look at: the kinds of alert, each with what it says and what to do."""

from datetime import datetime
from typing import Any

from msgspec import UNSET

from gatekeeper.domain.ids import alert_id
from gatekeeper.messages import Envelope, written
from schemas.alert import ComplianceAlert
from schemas.canonical import canonical

ALERTS = {
    "released_order_superseded": (
        "A higher revision came for an order whose lines were released; they were withdrawn.",
        "See that the goods of the withdrawn lines did not leave; if they did, report it as shipped.",
    ),
    "released_order_contradicted": (
        "A message came with the number and revision of a released order, but says something else.",
        "Find out which is meant before the goods leave; a new revision settles it.",
    ),
    "registry_refused": (
        "A snapshot of the registry was refused; the registry is as it was.",
        "Ask the REMS administrator for a snapshot that is whole and right, and import it before the registry grows too old.",
    ),
}


def order_alert(kind: str, envelope: Envelope, seen: dict[str, Any]) -> tuple[str, bytes]:
    """The id and the bytes of an alert about one examination of an order."""
    text, remedy = ALERTS[kind]
    name = str(alert_id(kind, str(envelope.verdict_id)))
    return name, canonical(
        ComplianceAlert(
            alert_id=name,
            kind=kind,
            raised_at=envelope.decided_at,
            wholesaler_id=envelope.wholesaler_id,
            order_id=envelope.order_id,
            revision=envelope.revision,
            verdict_id=str(envelope.verdict_id),
            text=text,
            remedy=remedy,
            evidence=seen,
        )
    )


def registry_alert(at: datetime, program: str | None, file_sha256: str, sentence: str) -> tuple[str, bytes]:
    """The id and the bytes of an alert about a snapshot file; the same file refused for the same reason has the same id."""
    kind = "registry_refused"
    text, remedy = ALERTS[kind]
    name = str(alert_id(kind, f"{file_sha256}/{sentence}"))
    return name, canonical(
        ComplianceAlert(
            alert_id=name,
            kind=kind,
            raised_at=written(at),
            program=program or UNSET,
            text=text,
            remedy=remedy,
            evidence={"file_sha256": file_sha256, "refused_because": sentence},
        )
    )

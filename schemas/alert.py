"""Something that a person has to look at: look-back findings, a stale registry, shipments past the gate."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from schemas.order import Revision
from schemas.released import Code
from schemas.text import Id, IdWithoutColon, Instant


class ComplianceAlert(Struct, frozen=True, kw_only=True):
    """What is known about it, and what to do. The evidence names no patient."""

    alert_id: Id
    kind: Code
    raised_at: Instant
    program: Id | UnsetType = UNSET
    wholesaler_id: IdWithoutColon | UnsetType = UNSET
    order_id: Id | UnsetType = UNSET
    revision: Revision | UnsetType = UNSET
    verdict_id: Id | UnsetType = UNSET
    text: str
    remedy: str
    evidence: dict[str, Any]

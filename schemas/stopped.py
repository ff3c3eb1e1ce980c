"""What may not leave, with every reason (contract section 6)."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.order import LineNumber, Revision
from schemas.released import ProgramRules, ReasonGiven
from schemas.text import Count, CountFromZero, Id, IdWithoutColon, Instant


class StoppedLine(Struct, frozen=True, kw_only=True):
    """``site_alias`` names the site aliases of the wholesaler's own that were used."""

    line: LineNumber
    outcome: Literal["held", "blocked"]
    program: Id | None
    site_id: Id | None
    reasons: Annotated[tuple[ReasonGiven, ...], Meta(min_length=1)]
    site_alias: tuple[Id, ...] | UnsetType = UNSET


class Stopped(Struct, frozen=True, kw_only=True):
    """Lines of one examination of an order. With ``withdraws`` these lines were released by that verdict, and must not leave any more."""

    verdict_id: Id
    wholesaler_id: IdWithoutColon
    order_id: Id
    revision: Revision
    examination: Count
    decided_at: Instant
    registry_version: CountFromZero
    programs: dict[str, ProgramRules]
    withdraws: Id | UnsetType = UNSET
    lines: Annotated[tuple[StoppedLine, ...], Meta(min_length=1, max_length=200)]

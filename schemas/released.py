"""What may leave, and what may not leave any more (contract section 6). The warehouse ships only what stands here."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.order import LineNumber, Revision
from schemas.text import Count, CountFromZero, Id, IdWithoutColon, Instant, Sha256, Text

Code = Annotated[str, Meta(extra_json_schema={"pattern": "^[a-z_]{1,64}$"})]


class ProgramRules(Struct, frozen=True, kw_only=True):
    """Which rules decided: the version of the program's file, and the digest of its bytes."""

    version: Text
    sha256: Sha256


class ReasonGiven(Struct, frozen=True, kw_only=True):
    """One reason, for a person. ``stops`` is false only under discretion; the evidence names no patient."""

    code: Code
    outcome: Literal["held", "blocked"]
    stops: bool
    text: str
    remedy: str
    evidence: dict[str, Any]


class ReleasedLine(Struct, frozen=True, kw_only=True):
    """``reasons`` are those that do not stop; of a withdrawn line, why it was withdrawn stands in the stopped message.

    ``site_alias`` names the site aliases of the wholesaler's own that were used.
    """

    line: LineNumber
    outcome: Literal["released", "not_covered", "withdrawn"]
    program: Id | None
    site_id: Id | None
    record_ids: tuple[Id, ...]
    reasons: tuple[ReasonGiven, ...] | UnsetType = UNSET
    site_alias: tuple[Id, ...] | UnsetType = UNSET


class Released(Struct, frozen=True, kw_only=True):
    """Lines of one examination of an order. ``examination`` counts from 1; the highest (revision, examination) that names a line holds."""

    verdict_id: Id
    wholesaler_id: IdWithoutColon
    order_id: Id
    revision: Revision
    examination: Count
    decided_at: Instant
    registry_version: CountFromZero
    programs: dict[str, ProgramRules]
    lines: Annotated[tuple[ReleasedLine, ...], Meta(min_length=1, max_length=200)]

"""Reasons, programs and settings in force: what decides, readable."""

from datetime import date
from typing import Any, Literal

import msgspec

from gatekeeper.api.areas import Area, caller, parts, reading
from gatekeeper.domain.program import Program
from gatekeeper.domain.reasons import REASONS
from gatekeeper.messages import written
from gatekeeper.people.permissions import Permission
from gatekeeper.storage import ledger

AREA = Area("rules", __name__, "What decides: reasons and rules.")


class ReasonText(msgspec.Struct):
    """A reason that a line can have."""

    code: str
    outcome: Literal["held", "blocked"]
    text: str
    remedy: str
    cleared_by: str
    requirement: str
    site_rule: bool
    """Told, but does not stop, while the program is under discretion."""


class ReasonList(msgspec.Struct):
    """In the order in which a line gives them."""

    reasons: list[ReasonText]


class ProgramInForce(msgspec.Struct):
    """Rules of one program that hold now."""

    program: str
    version: str
    sha256: str
    in_force_from: date
    in_force_through: date | None
    registry_as_of: str | None
    """The instant as of which its registry speaks."""
    registry_stale: bool
    rules: dict[str, Any]
    """All that they say."""


class ProgramList(msgspec.Struct):
    """The programs that the caller may see, by name."""

    at: str
    programs: list[ProgramInForce]


@AREA.operation("GET", "/v1/reasons", Permission.READ_RULES, ReasonList)
def list_reasons() -> Any:
    """Every reason, with its sentence and what clears it."""
    return ReasonList([
        ReasonText(text.code, text.outcome, text.sentence, text.remedy, text.cleared_by, text.requirement, text.site_rule)  # type: ignore[arg-type]
        for text in REASONS.values()
    ])  # fmt: skip


@AREA.operation("GET", "/v1/programs", Permission.READ_RULES, ProgramList)
def list_programs() -> Any:
    """The rules in force, and how old each registry is."""
    with reading() as cursor:
        at, fresh = ledger.now(cursor), ledger.freshness(cursor)
    shown = []
    for held in parts().book.in_force(at):
        program = held.program
        if not caller().programs.allow(program.name):
            continue
        as_of = fresh.get(program.name)
        limit = program.registry_age_limit_hours * 3600
        shown.append(
            ProgramInForce(
                program.name, program.version, program.sha256, held.in_force_from, held.in_force_through,
                None if as_of is None else written(as_of), as_of is None or (at - as_of).total_seconds() > limit,
                _said(program),
            )
        )  # fmt: skip
    return ProgramList(written(at), shown)


def _said(program: Program) -> dict[str, Any]:
    said = program._asdict()
    said["packages"] = [package._asdict() | {"units": dict(package.units)} for package in program.packages]
    return {name: value for name, value in said.items() if name not in {"name", "version", "sha256"}}

"""The answer to a case."""

from typing import Any, NamedTuple

from gatekeeper.domain.facts import SiteFact
from gatekeeper.domain.program import CoveredPackage


class Reason(NamedTuple):
    code: str
    evidence: dict[str, Any]
    """What was seen, for a person: never a patient's identifier."""
    stops: bool = True
    """False only under discretion."""


class LineVerdict(NamedTuple):
    line: int
    outcome: str
    """``released``, ``held``, ``blocked`` or ``not_covered``."""
    program: str | None
    """The program whose rules ran."""
    site_id: str | None
    reasons: tuple[Reason, ...]
    package: CoveredPackage | None = None
    """The covered package that the line names, where one is."""
    units: int = 0
    """Dispensing units, where the unit is known."""
    site: SiteFact | None = None
    """The fact about the recipient that held on the day, where the site was found."""


class Verdict(NamedTuple):
    lines: tuple[LineVerdict, ...]

"""What a registry says: one fact says one thing about one subject from a day on.

Facts are only ever added. ``until`` is the day from which a fact no longer counts, because a snapshot left it out.
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple, TypeVar

from gatekeeper.domain.order import Address


class SiteFact(NamedTuple):
    program: str
    sequence: int
    effective_on: date
    site_id: str
    site_class: str
    status: str
    certified_on: date | None = None
    valid_through: date | None = None
    name: str | None = None
    address: Address | None = None
    identifiers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """By kind (``npi``, ``dea``, ``ncpdp_id``, ``hin``, ``gln``, ``account``), the values on file; accounts as ``WD-001:10023``."""
    until: date | None = None


class PatientFact(NamedTuple):
    program: str
    sequence: int
    effective_on: date
    patient_id: str
    status: str
    until: date | None = None


class PrescriberFact(NamedTuple):
    program: str
    sequence: int
    effective_on: date
    prescriber_id: str
    status: str
    until: date | None = None


class AuthorizationFact(NamedTuple):
    program: str
    sequence: int
    effective_on: date
    authorization_id: str
    status: str
    patient_id: str
    prescriber_id: str
    administering_site_id: str
    units: int
    valid_from: date
    valid_through: date
    until: date | None = None


class RecallFact(NamedTuple):
    program: str
    sequence: int
    effective_on: date
    ndc: str
    lot: str
    status: str
    until: date | None = None


class ProgramFact(NamedTuple):
    program: str
    sequence: int
    effective_on: date
    mode: str
    until: date | None = None


class SiteAlias(NamedTuple):
    """The wholesaler's own fact: one more address or one more account of a known site. Never the registry's."""

    program: str
    alias_id: str
    effective_on: date
    """The day on which it was approved."""
    site_id: str
    wholesaler_id: str
    through: date
    """The last day on which it counts."""
    address: Address | None = None
    account: str | None = None
    """Without the wholesaler's id before it."""
    until: date | None = None
    """The day on which it was withdrawn: from then on it counts no longer."""

    def holds_on(self, day: date) -> bool:
        return self.effective_on <= day <= self.through and (self.until is None or day < self.until)


Fact = SiteFact | PatientFact | PrescriberFact | AuthorizationFact | RecallFact | ProgramFact
F = TypeVar("F", SiteFact, PatientFact, PrescriberFact, AuthorizationFact, RecallFact, ProgramFact)


def holding(facts: Iterable[F], day: date) -> F | None:
    """The fact that holds on ``day`` among those of one subject (contract section 4).

    The latest ``effective_on`` at or before the day, on a tie the higher ``sequence``.
    """
    best: F | None = None
    for fact in facts:
        if fact.effective_on > day or (fact.until is not None and day >= fact.until):
            continue
        if best is None or (fact.effective_on, fact.sequence) > (best.effective_on, best.sequence):
            best = fact
    return best

"""Registry facts and the header of a snapshot (contract section 4), as they come in. What is not given is ``UNSET``."""

import re
from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from schemas.order import Address
from schemas.text import (
    ACCOUNT_ON_FILE,
    SHA256,
    AccountOnFile,
    Count,
    CountFromZero,
    Day,
    Id,
    Instant,
    Notice,
    Sha256,
    Text,
    is_day,
    is_instant,
    made_of_id_letters,
)

SiteClass = Literal["pharmacy", "inpatient_pharmacy", "healthcare_facility", "dispensing_prescriber", "wholesaler"]
SiteStatus = Literal["pending", "certified", "suspended", "decertified", "withdrawn"]
PatientStatus = Literal["enrolled", "withdrawn"]
PrescriberStatus = Literal["certified", "decertified"]
AuthorizationStatus = Literal["authorized", "cancelled"]
RecallStatus = Literal["recalled", "lifted"]
ProgramMode = Literal["active", "discretion", "ended"]
FactKind = Literal["site", "patient", "prescriber", "authorization", "recall", "program"]


class Identifiers(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """What a registry has on file for a site, by kind. An account is written ``WD-001:10023``."""

    npi: tuple[Text, ...] | UnsetType = UNSET
    dea: tuple[Text, ...] | UnsetType = UNSET
    ncpdp_id: tuple[Text, ...] | UnsetType = UNSET
    hin: tuple[Text, ...] | UnsetType = UNSET
    gln: tuple[Text, ...] | UnsetType = UNSET
    account: tuple[AccountOnFile, ...] | UnsetType = UNSET


class SiteFact(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag_field="fact", tag="site"):
    """``certified_on`` is given wherever the status is ``certified``."""

    program: Id
    sequence: Count
    effective_on: Day
    site_id: Id
    site_class: SiteClass = field(name="class")
    status: SiteStatus
    certified_on: Day | UnsetType = UNSET
    valid_through: Day | UnsetType = UNSET
    name: Text | UnsetType = UNSET
    address: Address | UnsetType = UNSET
    identifiers: Identifiers | UnsetType = UNSET
    authorized_representative: Text | UnsetType = UNSET


class PatientFact(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag_field="fact", tag="patient"):
    program: Id
    sequence: Count
    effective_on: Day
    patient_id: Id
    status: PatientStatus


class PrescriberFact(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag_field="fact", tag="prescriber"):
    program: Id
    sequence: Count
    effective_on: Day
    prescriber_id: Id
    status: PrescriberStatus
    npi: Text | UnsetType = UNSET


class AuthorizationFact(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag_field="fact", tag="authorization"):
    program: Id
    sequence: Count
    effective_on: Day
    authorization_id: Id
    status: AuthorizationStatus
    patient_id: Id
    prescriber_id: Id
    administering_site_id: Id
    course: Count | UnsetType = UNSET
    units: Count
    valid_from: Day
    valid_through: Day
    form_submitted_on: Day | UnsetType = UNSET


class RecallFact(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag_field="fact", tag="recall"):
    program: Id
    sequence: Count
    effective_on: Day
    ndc: Text
    lot: Text
    status: RecallStatus


class ProgramFact(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag_field="fact", tag="program"):
    program: Id
    sequence: Count
    effective_on: Day
    mode: ProgramMode
    notice: Notice | UnsetType = UNSET


class Heartbeat(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True, tag_field="fact", tag="heartbeat"):
    """Everything up to ``sequence`` has been sent."""

    program: Id
    sequence: Count
    as_of: Instant


Fact = SiteFact | PatientFact | PrescriberFact | AuthorizationFact | RecallFact | ProgramFact | Heartbeat


class SnapshotHeader(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """The first line of a snapshot file. ``sha256`` is of the bytes after its newline; without ``covers`` it covers all kinds."""

    snapshot: Id
    sequence: Count
    as_of: Instant
    facts: CountFromZero
    sha256: Sha256
    covers: Annotated[tuple[FactKind, ...], Meta(min_length=1, extra_json_schema={"uniqueItems": True})] | UnsetType = UNSET


_IDS: Final[dict[type, Callable[[Any], tuple[str, ...]]]] = {
    SiteFact: attrgetter("program", "site_id"),
    PatientFact: attrgetter("program", "patient_id"),
    PrescriberFact: attrgetter("program", "prescriber_id"),
    AuthorizationFact: attrgetter("program", "authorization_id", "patient_id", "prescriber_id", "administering_site_id"),
    RecallFact: lambda fact: (fact.program,),
    ProgramFact: lambda fact: (fact.program,),
    Heartbeat: lambda fact: (fact.program,),
}
_ACCOUNT: Final = re.compile(ACCOUNT_ON_FILE + r"\Z")
_SHA256: Final = re.compile(SHA256 + r"\Z")


def fact_holds(fact: Fact) -> bool:
    """Whether the fact keeps the limits that its types do not check."""
    if not made_of_id_letters(_IDS[type(fact)](fact)):
        return False
    if isinstance(fact, Heartbeat):
        return is_instant(fact.as_of)
    if not is_day(fact.effective_on):
        return False
    if isinstance(fact, SiteFact):
        return _site_holds(fact)
    if isinstance(fact, AuthorizationFact):
        days = (fact.valid_from, fact.valid_through, fact.form_submitted_on)
        return all(is_day(day) for day in days if day is not UNSET)
    return True


def header_holds(header: SnapshotHeader) -> bool:
    """Whether the header keeps the limits that its types do not check."""
    covers = () if header.covers is UNSET else header.covers
    return (
        made_of_id_letters((header.snapshot,))
        and is_instant(header.as_of)
        and _SHA256.match(header.sha256) is not None
        and len(set(covers)) == len(covers)
    )


def _site_holds(fact: SiteFact) -> bool:
    if fact.status == "certified" and fact.certified_on is UNSET:
        return False
    if not all(is_day(day) for day in (fact.certified_on, fact.valid_through) if day is not UNSET):
        return False
    identifiers = fact.identifiers
    if identifiers is UNSET:
        return True
    if () in (identifiers.npi, identifiers.dea, identifiers.ncpdp_id, identifiers.hin, identifiers.gln, identifiers.account):
        return False
    return identifiers.account is UNSET or all(_ACCOUNT.match(account) for account in identifiers.account)

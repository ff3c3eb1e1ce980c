"""What the registry says on a day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.products import Row, readings

Fact = dict[str, Any]
KINDS = ("npi", "dea", "ncpdp_id", "hin", "gln")


@dataclass(frozen=True)
class Program:
    """The rules of a program that are its own."""

    name: str
    zone: str
    rows: tuple[Row, ...]
    watched: tuple[str, ...]
    unit: str
    classes: tuple[str, ...]
    transit_days: int = 1
    ship_date_days: int = 7
    limit: timedelta = timedelta(hours=24)


LEMTRADA = Program(
    "lemtrada",
    "America/New_York",
    rows=(Row("058468-0200-01", "00358468020017"),),
    watched=("058468-0200",),
    unit="vial",
    classes=("pharmacy", "healthcare_facility"),
)


@dataclass(frozen=True)
class Known:
    """What an answer rests on beside the order and its history: the facts, the instant and the program."""

    facts: list[Fact]
    at: datetime
    program: Program = LEMTRADA

    @property
    def today(self) -> date:
        """The day of the decision."""
        return day_of(self.at, self.program)


def day_of(at: datetime, program: Program) -> date:
    """'The day in the program's time zone on which the decision is made, never UTC's'"""
    return at.astimezone(ZoneInfo(program.zone)).date()


def holding(facts: Iterable[Fact], day: date) -> Fact | None:
    """'among those … with `effective_on` at or before D, the one with the latest `effective_on`; on a tie, the one with the higher
    `sequence`.'"""
    effective = [fact for fact in facts if fact["effective_on"] <= day.isoformat()]
    return max(effective, key=lambda fact: (fact["effective_on"], fact["sequence"]), default=None)


def told(facts: list[Fact], program: str, kind: str, **subject: str) -> list[Fact]:
    """The facts of one kind of a program, about one subject where it is given."""
    return [
        fact
        for fact in facts
        if (fact.get("fact"), fact.get("program")) == (kind, program) and all(fact[member] == value for member, value in subject.items())
    ]


def site_on(facts: list[Fact], program: str, site_id: str, day: date) -> Fact | None:
    """'A subject whose first fact is not yet effective is unknown.'"""
    return holding(told(facts, program, "site", site_id=site_id), day)


def sites_on(facts: list[Fact], program: str, day: date) -> list[Fact]:
    """Every site that the program knows on the day, also 'decertified and withdrawn sites'."""
    ids = {fact["site_id"] for fact in told(facts, program, "site")}
    known = (site_on(facts, program, site_id, day) for site_id in sorted(ids))
    return [fact for fact in known if fact is not None]


def other_programs(facts: list[Fact], program: str) -> set[str]:
    """The programs that facts name beside this one."""
    return {fact["program"] for fact in facts if "program" in fact} - {program}


def on_file(site: Fact, kind: str) -> list[str]:
    """The identifiers of one kind that a site has."""
    found: list[str] = (site.get("identifiers") or {}).get(kind) or []
    return found


def mode_on(known: Known) -> str:
    """'Program mode: `active`, `discretion`, `ended`.' Nothing said is active."""
    fact = holding(told(known.facts, known.program.name, "program"), known.today)
    return fact["mode"] if fact else "active"


def is_recalled(facts: list[Fact], program: str, row: Row, lot: str, day: date) -> bool:
    """'A recall is of the row that a reading of its `ndc` fits.'"""
    fact = holding([recall for recall in told(facts, program, "recall", lot=lot) if row.ndc in readings(recall["ndc"])], day)
    return fact is not None and fact["status"] == "recalled"


def is_stale(known: Known) -> bool:
    """'The registry is stale when the instant of the decision minus the latest `as_of` is more than the limit.'"""
    headers = [fact for fact in known.facts if "snapshot" in fact]
    if not headers:
        return False  # 'without one the registry counts as fresh'
    own = [header for header in headers if header["snapshot"] == known.program.name]
    said = [datetime.fromisoformat(fact["as_of"]) for fact in own + told(known.facts, known.program.name, "heartbeat")]
    usable = [as_of for as_of in said if as_of - known.at <= timedelta(minutes=5)]
    return not usable or known.at - max(usable) > known.program.limit  # of a program that no snapshot was loaded of, nothing is fresh


def last_valid_day(site: Fact) -> date:
    """'Where a fact gives only `certified_on`, the last valid day is the day before the second anniversary; the anniversary of 29 February
    is 28 February.'"""
    if "valid_through" in site:
        return date.fromisoformat(site["valid_through"])
    day = date.fromisoformat(site["certified_on"])
    leap = (day.month, day.day) == (2, 29)
    return date(day.year + 2, day.month, 28 if leap else day.day) - timedelta(days=1)


def is_certified(site: Fact | None, day: date) -> bool:
    """'Dates are judged only where the status is `certified`', and '`valid_through` counts to the end of that day'."""
    return site is not None and site["status"] == "certified" and date.fromisoformat(site["certified_on"]) <= day <= last_valid_day(site)

"""One file of rules, key by key: a slip of the pen is one sentence that names file and key, and never a rule."""

import hashlib
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from gatekeeper.domain.identifiers import gtin_14
from gatekeeper.domain.products import gtin_of, ndc_readings
from gatekeeper.domain.program import CoveredPackage, Program
from gatekeeper.errors import Unusable
from gatekeeper.strict_toml import Table, toml

_CLASSES = ("pharmacy", "inpatient_pharmacy", "healthcare_facility", "dispensing_prescriber", "wholesaler")
_PATIENT_RULES = ("none", "present", "authorized")
_CADENCES = ("continuous", "daily", "weekly", "monthly", "none")
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_WATCHED = re.compile(r"([0-9]{4,6})-([0-9]{3,4})", re.ASCII)
_MOST = 10_000


class Version(NamedTuple):
    """One file: the rules of a program, and the days on which they hold, in the program's zone."""

    file: Path
    program: Program
    in_force_from: date
    in_force_through: date | None
    """The last day, where the program's own text has ended; None: until another version holds."""


def read_version(path: Path) -> Version:
    """The file, read as strictly as the gate reads it. Raises ``Unusable`` with one sentence that names the place."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}.") from None
    table = Table(path.name, toml(path.name, raw), "the program rules")
    since, through = _days(table)
    version = Version(path, _program(path.name, table, hashlib.sha256(raw).hexdigest()), since, through)
    refuse_doubles([version])
    return version


def refuse_doubles(versions: Iterable[Version]) -> None:
    """Raises ``Unusable`` where rules that hold on the same day name a program or a package twice."""
    seen: dict[tuple[str, str], str] = {}
    for version in versions:
        facts = [("name", version.program.name)]
        for package in version.program.packages:
            facts += [("ndc", package.ndc), ("gtin", package.gtin)]
        for fact in facts:
            if fact in seen:
                raise Unusable(f"{version.file.name}: {fact[0]} {fact[1]} stands in {seen[fact]} already.")
            seen[fact] = version.file.name


def _days(table: Table) -> tuple[date, date | None]:
    since = table.day("in_force_from")
    through = table.day("in_force_through") if table.has("in_force_through") else None
    if through is not None and through < since:
        raise table.refuse("in_force_through", "must not be before in_force_from")
    return since, through


def _program(file: str, table: Table, sha256: str) -> Program:
    program = Program(
        name=_name(table),
        version=table.text("version"),
        sha256=sha256,
        time_zone=_zone(table),
        packages=_packages(file, table),
        watched=_watched(table),
        classes=_classes(table),
        certification_years=table.number("certification_years", 1, 50),
        transit_days=table.number("transit_days", 0, 365),
        registry_age_limit_hours=table.number("registry_age_limit_hours", 1, 8760),
        ship_date_limit_days=table.number("ship_date_limit_days", 0, 3650),
        patient_rule=table.one_of("patient_rule", _PATIENT_RULES),
        whole_order=table.take("whole_order", bool, "true or false"),
        feed_cadence=table.one_of("feed_cadence", _CADENCES),
        return_window_business_days=table.number("return_window_business_days", 0, 3650),
    )
    table.end()
    return program


def _name(table: Table) -> str:
    name = table.text("name")
    if not _NAME.fullmatch(name):
        raise table.refuse("name", "must be 1 to 64 letters, digits or . _ : -")
    return name


def _zone(table: Table) -> str:
    name = table.text("time_zone")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise table.refuse("time_zone", "is not a time zone that is known here") from None
    return name


def _classes(table: Table) -> tuple[str, ...]:
    classes = table.texts("classes")
    if not classes or not set(classes) <= set(_CLASSES):
        raise table.refuse("classes", f"must name classes of sites: {', '.join(_CLASSES)}")
    return classes


def _watched(table: Table) -> tuple[str, ...]:
    watched = []
    for text in table.texts("watched"):
        parts = _WATCHED.fullmatch(text)
        if not parts:
            raise table.refuse("watched", "must hold labeler and product codes such as 58468-0200")
        watched.append(parts[1].rjust(6, "0") + parts[2].rjust(4, "0"))
    return tuple(watched)


def _packages(file: str, table: Table) -> tuple[CoveredPackage, ...]:
    rows: list[Any] = table.take("packages", list, "a list of tables")
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise table.refuse("packages", "must be a list of tables, at least one")
    return tuple(_package(Table(file, row, "the program rules", f"packages[{place}].")) for place, row in enumerate(rows))


def _package(table: Table) -> CoveredPackage:
    ndc = table.text("ndc")
    readings = ndc_readings(ndc) or ()
    if "-" not in ndc or not readings:
        raise table.refuse("ndc", "must be an NDC with hyphens")
    key = readings[0]
    gtin = table.text("gtin") if table.has("gtin") else _made_gtin(table, ndc)
    padded = gtin_14(gtin)
    if padded is None:
        raise table.refuse("gtin", "must be a GTIN with its check digit")
    name, unit = table.text("name"), table.text("unit")
    units: dict[str, Any] = table.take("units", dict, "a table of units")
    if not all(type(factor) is int and 1 <= factor <= _MOST for factor in units.values()):
        raise table.refuse("units", f"must give each unit a whole number between 1 and {_MOST}")
    if units.get(unit) != 1:
        raise table.refuse("units", "must hold the dispensing unit, as 1")
    table.end()
    return CoveredPackage(key, padded, name, unit, tuple(units.items()))


def _made_gtin(table: Table, ndc: str) -> str:
    digits = ndc.replace("-", "")
    if len(digits) != 10:
        raise table.refuse("gtin", "is missing, and can be made only of an NDC of ten digits")
    return gtin_of(digits)

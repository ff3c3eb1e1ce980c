"""The rules of each REMS, as TOML: read strictly, so that a slip of the pen is an error and never a rule."""

import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from gatekeeper.domain.identifiers import gtin_14
from gatekeeper.domain.products import gtin_of, ndc_readings
from gatekeeper.domain.program import CoveredPackage, Program
from gatekeeper.errors import Unusable

_BUILT_IN = Path(__file__).parent
_CLASSES = ("pharmacy", "inpatient_pharmacy", "healthcare_facility", "dispensing_prescriber", "wholesaler")
_PATIENT_RULES = ("none", "present", "authorized")
_CADENCES = ("continuous", "daily", "weekly", "monthly")
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_WATCHED = re.compile(r"([0-9]{4,6})-([0-9]{3,4})", re.ASCII)
_MOST = 10_000

T = TypeVar("T")


def load_programs(folder: Path | None = None) -> tuple[Program, ...]:
    """The programs of a folder, in the order of their names; without one, the built-in ones. Raises ``Unusable``."""
    place = _BUILT_IN if folder is None else folder
    try:
        files = sorted(path for path in place.iterdir() if path.suffix == ".toml")
        programs = [_program(path.name, path.read_bytes()) for path in files]
    except OSError as error:
        raise Unusable(f"The folder of program rules {place} cannot be read: {error.strerror}.") from None
    if not programs:
        raise Unusable(f"The folder of program rules {place} holds no .toml file.")
    _refuse_doubles([path.name for path in files], programs)
    return tuple(sorted(programs, key=lambda program: program.name))


def program_document(program: Program) -> bytes:
    """All that a program holds, as compact canonical JSON: a verdict's row keeps it."""
    return json.dumps(program, separators=(",", ":"), ensure_ascii=False).encode()


def program_from(document: bytes) -> Program:
    """The program that ``program_document`` wrote."""
    values = json.loads(document)
    program = Program(*values)
    packages = [CoveredPackage(*row) for row in program.packages]
    return program._replace(
        packages=tuple(package._replace(units=tuple((unit, factor) for unit, factor in package.units)) for package in packages),
        watched=tuple(program.watched),
        classes=tuple(program.classes),
    )


class _Table:
    """One table of a file, its keys taken one by one; what is left over at the end is unknown."""

    def __init__(self, file: str, values: dict[str, Any], place: str = "") -> None:
        self._file = file
        self._values = dict(values)
        self._place = place

    def refuse(self, key: str, sentence: str) -> Unusable:
        return Unusable(f"{self._file}: {self._place}{key} {sentence}.")

    def take(self, key: str, kind: type[T], wanted: str) -> T:
        if key not in self._values:
            raise self.refuse(key, "is missing")
        value = self._values.pop(key)
        if type(value) is not kind:
            raise self.refuse(key, f"must be {wanted}")
        return value

    def text(self, key: str) -> str:
        value = self.take(key, str, "a text")
        if not 1 <= len(value) <= 200:
            raise self.refuse(key, "must have 1 to 200 characters")
        return value

    def one_of(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in allowed:
            raise self.refuse(key, f"must be one of {', '.join(allowed)}")
        return value

    def number(self, key: str, least: int, most: int) -> int:
        value = self.take(key, int, "a whole number")
        if not least <= value <= most:
            raise self.refuse(key, f"must lie between {least} and {most}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values: list[Any] = self.take(key, list, "a list of texts")
        if not all(isinstance(value, str) for value in values):
            raise self.refuse(key, "must be a list of texts")
        if len(set(values)) != len(values):
            raise self.refuse(key, "has an entry twice")
        return tuple(values)

    def has(self, key: str) -> bool:
        return key in self._values

    def end(self) -> None:
        for key in self._values:
            raise self.refuse(key, "is not a key of the program rules")


def _program(file: str, raw: bytes) -> Program:
    try:
        table = _Table(file, tomllib.loads(raw.decode()))
    except UnicodeDecodeError:
        raise Unusable(f"{file} is not UTF-8.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unusable(f"{file} is not TOML: {error}.") from None
    program = Program(
        name=_name(table),
        version=table.text("version"),
        sha256=hashlib.sha256(raw).hexdigest(),
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


def _name(table: _Table) -> str:
    name = table.text("name")
    if not _NAME.fullmatch(name):
        raise table.refuse("name", "must be 1 to 64 letters, digits or . _ : -")
    return name


def _zone(table: _Table) -> str:
    name = table.text("time_zone")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise table.refuse("time_zone", "is not a time zone that is known here") from None
    return name


def _classes(table: _Table) -> tuple[str, ...]:
    classes = table.texts("classes")
    if not classes or not set(classes) <= set(_CLASSES):
        raise table.refuse("classes", f"must name classes of sites: {', '.join(_CLASSES)}")
    return classes


def _watched(table: _Table) -> tuple[str, ...]:
    watched = []
    for text in table.texts("watched"):
        parts = _WATCHED.fullmatch(text)
        if not parts:
            raise table.refuse("watched", "must hold labeler and product codes such as 58468-0200")
        watched.append(parts[1].rjust(6, "0") + parts[2].rjust(4, "0"))
    return tuple(watched)


def _packages(file: str, table: _Table) -> tuple[CoveredPackage, ...]:
    rows: list[Any] = table.take("packages", list, "a list of tables")
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise table.refuse("packages", "must be a list of tables, at least one")
    return tuple(_package(_Table(file, row, f"packages[{place}].")) for place, row in enumerate(rows))


def _package(table: _Table) -> CoveredPackage:
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


def _made_gtin(table: _Table, ndc: str) -> str:
    digits = ndc.replace("-", "")
    if len(digits) != 10:
        raise table.refuse("gtin", "is missing, and can be made only of an NDC of ten digits")
    return gtin_of(digits)


def _refuse_doubles(files: list[str], programs: list[Program]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for file, program in zip(files, programs, strict=True):
        facts = [("name", program.name)]
        for package in program.packages:
            facts += [("ndc", package.ndc), ("gtin", package.gtin)]
        for fact in facts:
            if fact in seen:
                raise Unusable(f"{file}: {fact[0]} {fact[1]} stands in {seen[fact]} already.")
            seen[fact] = file

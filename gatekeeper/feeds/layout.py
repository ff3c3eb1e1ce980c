"""How a program's feed is written to files: a layout, as data, and how it is read from TOML."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatekeeper.errors import Unusable
from gatekeeper.feeds.members import DAYS, MEMBERS
from gatekeeper.strict_toml import Table, toml

OF: Final = "a feed's layout"
EACH, DAILY, MONTHLY = "each", "daily", "monthly"
CADENCES: Final = (EACH, DAILY, MONTHLY)
CSV, JSON_LINES, X12_867 = "csv", "json_lines", "x12_867"
SUFFIXES: Final = {CSV: "csv", JSON_LINES: "jsonl", X12_867: "x12"}
"""By form, how the names of its files end."""
NDC_DIGITS: Final = (10, 11, 12)
MOST_COLUMNS: Final = 200
MOST_IN_A_SET: Final = 100_000

_NAME: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_PARTY: Final = re.compile(r"[A-Za-z0-9._-]{2,15}", re.ASCII)
_QUALIFIER: Final = re.compile(r"[A-Z0-9]{2}", re.ASCII)
_UNIT: Final = re.compile(r"[A-Z0-9]{2}", re.ASCII)
_NEVER_IN_IDS: Final = re.compile(r"[#$@\[\\\]^`{|}~]")
"""What no id and no serial holds (contract section 3), so that a delimiter never stands in one."""
_NEVER_IN_TEXTS: Final = re.compile(r"[#$@\[\\\]^`{|}~\x1c-\x1f]")
"""The same, and the separators of ASCII, which no text at all holds."""

_DELIMITER: Final = "one character that no id and no serial holds, as | ~ ^ #"
_OR_CONTROL: Final = ", or U+001C to U+001F"


class Column(NamedTuple):
    name: str
    member: str
    """Of the distribution record, as ``ship_to.address.city``."""


class X12(NamedTuple):
    """The envelope of an X12 file."""

    sender_qualifier: str
    sender: str
    receiver_qualifier: str
    receiver: str
    usage: str
    """``P`` or ``T``: production or test."""
    element_separator: str
    component_separator: str
    segment_terminator: str
    line_feeds: bool
    """A line feed after each segment, for people."""
    records_a_set: int
    units: tuple[tuple[str, str], ...]
    """By unit of the program, the code of X12 (data element 355)."""


class Layout(NamedTuple):
    program: str
    version: str
    sha256: str
    """Of the file's bytes (hex)."""
    cadence: str
    form: str
    days: str
    ndc_digits: int
    ndc_hyphens: bool
    accepted_file_accepts_records: bool
    """Whether a REMS that accepts a file has accepted every record in it; else it says so record by record."""
    columns: tuple[Column, ...]
    """Of a CSV file; of JSON lines, where there are none, each line is the record as it is published."""
    x12: X12 | None


def document(layout: Layout) -> bytes:
    """All that a layout holds, as compact canonical JSON: the row of a file keeps it, so that the file can be made again."""
    return json.dumps(layout, separators=(",", ":"), ensure_ascii=False).encode()


def layout_from(kept: bytes) -> Layout:
    """The layout that ``document`` wrote."""
    layout = Layout(*json.loads(kept))
    envelope = None if layout.x12 is None else X12(*layout.x12)
    if envelope is not None:
        envelope = envelope._replace(units=tuple((unit, code) for unit, code in envelope.units))
    return layout._replace(columns=tuple(Column(*column) for column in layout.columns), x12=envelope)


def read_layout(path: Path) -> Layout:
    """One file. Raises ``Unusable`` with one sentence that names the place."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}.") from None
    table = Table(path.name, toml(path.name, raw), OF)
    form = table.one_of("form", tuple(SUFFIXES))
    layout = Layout(
        program=_matching(table, "program", _NAME, "1 to 64 letters, digits or . _ : -"),
        version=table.text("version"),
        sha256=hashlib.sha256(raw).hexdigest(),
        cadence=table.one_of("cadence", CADENCES),
        form=form,
        days=table.one_of("days", tuple(DAYS)),
        ndc_digits=_digits(table),
        ndc_hyphens=table.take("ndc_hyphens", bool, "true or false"),
        accepted_file_accepts_records=table.take("accepted_file_accepts_records", bool, "true or false"),
        columns=() if form == X12_867 or (form == JSON_LINES and not table.has("columns")) else _columns(path.name, table),
        x12=_x12(path.name, table) if form == X12_867 else None,
    )
    table.end()
    return layout


def _matching(table: Table, key: str, pattern: re.Pattern[str], wanted: str) -> str:
    value = table.text(key)
    if not pattern.fullmatch(value):
        raise table.refuse(key, f"must be {wanted}")
    return value


def _digits(table: Table) -> int:
    digits = table.number("ndc_digits", NDC_DIGITS[0], NDC_DIGITS[-1])
    if digits not in NDC_DIGITS:
        raise table.refuse("ndc_digits", f"must be one of {', '.join(map(str, NDC_DIGITS))}")
    return digits


def _columns(file: str, table: Table) -> tuple[Column, ...]:
    rows: list[Any] = table.take("columns", list, "a list of tables")
    if not 1 <= len(rows) <= MOST_COLUMNS or not all(isinstance(row, dict) for row in rows):
        raise table.refuse("columns", f"must be a list of 1 to {MOST_COLUMNS} tables")
    columns = []
    for place, row in enumerate(rows):
        one = Table(file, row, OF, f"columns[{place}].")
        columns.append(Column(one.text("name"), one.one_of("member", MEMBERS)))
        one.end()
    if len({column.name for column in columns}) != len(columns):
        raise table.refuse("columns", "has a name twice")
    return tuple(columns)


def _x12(file: str, table: Table) -> X12:
    own = Table(file, table.take("x12", dict, "a table"), OF, "x12.")
    wanted = "2 to 15 letters, digits or . _ -"
    envelope = X12(
        sender_qualifier=_matching(own, "sender_qualifier", _QUALIFIER, "two capital letters or digits"),
        sender=_matching(own, "sender", _PARTY, wanted),
        receiver_qualifier=_matching(own, "receiver_qualifier", _QUALIFIER, "two capital letters or digits"),
        receiver=_matching(own, "receiver", _PARTY, wanted),
        usage=own.one_of("usage", ("P", "T")),
        element_separator=_matching(own, "element_separator", _NEVER_IN_TEXTS, _DELIMITER + _OR_CONTROL),
        component_separator=_matching(own, "component_separator", _NEVER_IN_IDS, _DELIMITER),
        segment_terminator=_matching(own, "segment_terminator", _NEVER_IN_TEXTS, _DELIMITER + _OR_CONTROL),
        line_feeds=own.take("line_feeds", bool, "true or false"),
        records_a_set=own.number("records_a_set", 1, MOST_IN_A_SET),
        units=_units(own),
    )
    if len({envelope.element_separator, envelope.component_separator, envelope.segment_terminator}) < 3:
        raise own.refuse("segment_terminator", "and the separators must differ from each other")
    own.end()
    return envelope


def _units(table: Table) -> tuple[tuple[str, str], ...]:
    units: dict[str, Any] = table.take("units", dict, "a table of units")
    if not all(isinstance(code, str) and _UNIT.fullmatch(code) for code in units.values()):
        raise table.refuse("units", "must give each unit a code of two capital letters or digits")
    return tuple(units.items())

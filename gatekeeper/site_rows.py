"""CSV of sites, one row a site: each row is read as the fact that it writes, and what only a table can get wrong is refused.

A table goes through spreadsheets, so a cell that is a formula is refused: nothing that a registry says of a site is one. A name may
begin with its sign. Columns that changed places are refused where their content shows it: no value of a column has the form of what
the column is for, every certificate ends before it begins, or cities are named as states are. Of few rows only what cannot be says so.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, Final

import msgspec
from msgspec import UNSET

from gatekeeper.errors import Unusable
from gatekeeper.lines import read_lines
from schemas.fact import Fact, SiteFact
from schemas.reading import Unreadable, read_fact
from schemas.text import MOST_BYTES

COLUMNS: Final = frozenset(
    {"fact", "program", "sequence", "effective_on", "site_id", "class", "status", "certified_on", "valid_through", "name"}
    | {"address.street", "address.street2", "address.city", "address.state", "address.postal_code"}
    | {"identifiers.npi", "identifiers.dea", "identifiers.ncpdp_id", "identifiers.hin", "identifiers.gln", "identifiers.account"}
    | {"authorized_representative"}
)
FORMS: Final = {
    "identifiers.npi": ("an NPI", re.compile(r"[0-9]{10}")),
    "identifiers.dea": ("a DEA number", re.compile(r"[A-Za-z][A-Za-z0-9][0-9]{7}")),
    "identifiers.ncpdp_id": ("an NCPDP id", re.compile(r"[0-9]{7}")),
    "identifiers.gln": ("a GLN", re.compile(r"[0-9]{13}")),
    "address.postal_code": ("a ZIP code", re.compile(r"[0-9]{5}(?:-?[0-9]{4})?")),
}
"""What the values of a column look like. One that does not is not refused: only a whole column of them is."""
STATE: Final = re.compile(r"[A-Z]{2}")
BEFORE_THE_END: Final = ("certified_on", "effective_on")
"""A site is not certified from a day on, and mostly not told to be, on which its certificate was over."""
ENOUGH: Final = 20
"""In so many rows all must be odd before that says anything of the columns: a few sites may each be so, or be told of late."""
NUMBER: Final = re.compile(r"[0-9]")
FORMULA: Final = re.compile(r"=|[+@-].*[(|!=]", re.DOTALL)
"""What a spreadsheet would run: with another sign than the first it must call, name or compare something."""
MARK: Final = b"\xef\xbb\xbf"


def rows_of(file: BinaryIO, name: object, program: str, digest: Callable[[bytes], None]) -> Iterator[tuple[int, Fact]]:
    """The facts that the rows write, each with its line. Raises ``Unusable`` where the table cannot be read."""
    lines = _Lines(file, name, digest)
    rows = csv.reader(lines, strict=True)
    try:
        columns = next(rows, [])
        lines.begin_row()
        _refuse_columns(name, columns)
        swapped = _Swapped(name, columns)
        for row in rows:
            lines.begin_row()
            if not row:
                continue
            if len(row) != len(columns):
                raise Unusable(f"{name}, line {rows.line_num}: the row has {len(row)} columns, not {len(columns)}.")
            _refuse_formulas(name, rows.line_num, row)
            fact = read_fact(msgspec.json.encode(_document(dict(zip(columns, row, strict=True)), program)))
            if isinstance(fact, Unreadable):
                raise unreadable(name, rows.line_num, fact)
            swapped.look_at(row, fact)
            yield rows.line_num, fact
        swapped.refuse()
    except csv.Error:
        raise Unusable(f"{name}, line {rows.line_num}: this is not CSV.") from None


def unreadable(name: object, number: int, found: Unreadable) -> Unusable:
    """The first problem of a line that cannot be read, as one sentence."""
    pointer, sentences = next(iter(found.problems.items()))
    return Unusable(f"{name}, line {number}, cannot be read: {pointer or 'the whole line'}: {sentences[0]}")


class _Lines:
    """The lines of the file as text; a row that never ends is cut off, for a quoted cell goes on over lines."""

    def __init__(self, file: BinaryIO, name: object, digest: Callable[[bytes], None]) -> None:
        self._lines, self._name, self._digest = enumerate(read_lines(file, name), 1), name, digest
        self._size = 0

    def begin_row(self) -> None:
        self._size = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        number, line = next(self._lines)
        self._digest(line)
        self._size += len(line)
        if self._size > MOST_BYTES:
            raise Unusable(f"{self._name}, line {number}: the row is longer than {MOST_BYTES} bytes.")
        if number == 1 and line.startswith(MARK):
            raise Unusable(f"{self._name}, line 1: the file begins with a byte order mark: save it as UTF-8 without one.")
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise Unusable(f"{self._name}, line {number}: this is not UTF-8.") from None


class _Swapped:
    """Notices columns whose content is that of another."""

    def __init__(self, name: object, columns: list[str]) -> None:
        self._name = name
        self._places = [(place, column, FORMS[column][1]) for place, column in enumerate(columns) if column in FORMS]
        self._seen = dict.fromkeys(columns, 0)
        self._fits: set[str] = set()
        self._days = dict.fromkeys(BEFORE_THE_END, 0)
        self._backward = dict.fromkeys(BEFORE_THE_END, 0)
        self._states, self._cities = Counter[bool](), Counter[bool]()
        self._streets, self._names = Counter[bool](), Counter[bool]()
        self._ahead = Counter[bool]()

    def look_at(self, row: list[str], fact: Fact) -> None:
        for place, column, form in self._places:
            if row[place] and column not in self._fits:
                self._seen[column] += 1
                if any(form.fullmatch(value) for value in row[place].split("|")):
                    self._fits.add(column)
        if not isinstance(fact, SiteFact):
            return
        end = fact.valid_through if fact.status == "certified" else UNSET
        for name, day in zip(BEFORE_THE_END, (fact.certified_on, fact.effective_on), strict=True):
            if end is not UNSET and day is not UNSET:
                self._days[name] += 1
                self._backward[name] += end < day
        if fact.status == "certified" and fact.certified_on is not UNSET:
            self._ahead[fact.certified_on > fact.effective_on] += 1
        if fact.name is not UNSET and fact.address is not UNSET:
            self._names[NUMBER.match(fact.name) is not None] += 1
            self._streets[NUMBER.match(fact.address.street) is not None] += 1
        if fact.address is not UNSET:
            self._states[STATE.fullmatch(fact.address.state) is not None] += 1
            self._cities[STATE.fullmatch(fact.address.city) is not None] += 1

    def refuse(self) -> None:
        for _, column, _ in self._places:
            if self._seen[column] >= ENOUGH and column not in self._fits:
                raise Unusable(f"{self._name}: no value of the column {column} looks like {FORMS[column][0]}: columns changed places.")
        for name in BEFORE_THE_END:
            # No certificate ends before it begins; but a fact may be told of one that is over.
            least = 1 if name == "certified_on" else ENOUGH
            if self._days[name] >= least and self._backward[name] == self._days[name]:
                raise Unusable(f"{self._name}: every valid_through is before its {name}: columns changed places.")
        if self._ahead[True] >= ENOUGH and not self._ahead[False]:
            raise Unusable(f"{self._name}: every certified_on is after its effective_on: columns changed places.")
        if self._names[True] >= ENOUGH and not self._names[False] and not self._streets[True]:
            raise Unusable(f"{self._name}: every name begins with a number, and no address.street does: columns changed places.")
        if self._cities[True] >= ENOUGH and not self._cities[False] and not self._states[True]:
            raise Unusable(f"{self._name}: every address.city looks like a state, and no address.state does: columns changed places.")


def _refuse_columns(name: object, columns: Iterable[str]) -> None:
    names = list(columns)
    if len(set(names)) != len(names):
        raise Unusable(f"{name}: a column stands twice.")
    unknown = [number for number, column in enumerate(names, 1) if column not in COLUMNS]
    if unknown:
        raise Unusable(f"{name}: column {unknown[0]} is not a member of a site fact.")


def _refuse_formulas(name: object, line: int, row: list[str]) -> None:
    for number, cell in enumerate(row, 1):
        if FORMULA.match(cell):
            raise Unusable(f"{name}, line {line}: column {number} is a formula, as its {cell[0]} shows, and no fact about a site.")


def _document(row: dict[str, str], program: str) -> dict[str, Any]:
    """The fact that a row writes; an empty cell is not given."""
    document: dict[str, Any] = {"fact": "site", "program": program}
    for column, cell in row.items():
        if not cell:
            continue
        outer, _, inner = column.partition(".")
        value: Any = cell
        if column == "sequence" and cell.isascii() and cell.isdigit() and len(cell) <= 10:
            value = int(cell)
        elif outer == "identifiers":
            value = cell.split("|")
        if inner:
            document.setdefault(outer, {})[inner] = value
        else:
            document[outer] = value
    return document

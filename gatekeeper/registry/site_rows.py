"""CSV of sites, one row a site: each row is read as the fact that it writes, and what only a table can get wrong is refused.

A table goes through spreadsheets, so a cell that is a formula is refused: nothing that a registry says of a site is one. A name may
begin with its sign. Columns that changed places are refused where their content shows it (`site_columns.py`).
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, Final

import msgspec

from gatekeeper.errors import Unusable
from gatekeeper.lines import read_lines
from gatekeeper.registry.site_columns import Columns
from schemas.fact import Fact
from schemas.reading import Unreadable, read_fact
from schemas.text import MOST_BYTES

COLUMNS: Final = frozenset(
    {"fact", "program", "sequence", "effective_on", "site_id", "class", "status", "certified_on", "valid_through", "name"}
    | {"address.street", "address.street2", "address.city", "address.state", "address.postal_code"}
    | {"identifiers.npi", "identifiers.dea", "identifiers.ncpdp_id", "identifiers.hin", "identifiers.gln", "identifiers.account"}
    | {"authorized_representative"}
)
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
        looking = Columns(name, columns)
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
            looking.look_at(row, fact)
            yield rows.line_num, fact
        looking.refuse()
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
        if column == "sequence" and re.fullmatch(r"[1-9][0-9]{0,9}", cell):
            value = int(cell)
        elif outer == "identifiers":
            value = cell.split("|")
        if inner:
            document.setdefault(outer, {})[inner] = value
        else:
            document[outer] = value
    return document

"""Documents as rows: CSV that a spreadsheet opens without doing what a cell says, and JSON lines."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

CSV, LINES = "csv", "jsonl"
CONTENT_TYPES: Final = {CSV: "text/csv; charset=utf-8", LINES: "application/x-ndjson"}
DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r")
"""With one of these a spreadsheet takes a cell for a formula."""


def rows(documents: Iterable[Any], form: str, columns: Sequence[str]) -> Iterator[bytes]:
    """The documents one by one: as CSV with these columns (members within members by points), or as JSON lines, whole."""
    if form == LINES:
        for document in documents:
            yield msgspec.json.encode(document) + b"\n"
        return
    yield _line(columns)
    for document in documents:
        yield _line([_cell(_at(document, column)) for column in columns])


def harmless(text: str) -> str:
    """The text as a spreadsheet shows it, and never computes it."""
    return f"'{text}" if text.startswith(DANGEROUS) else text


def _line(cells: Sequence[str]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(cells)
    return written.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return harmless("|".join(value))
    if isinstance(value, dict | list):
        return harmless(msgspec.json.encode(value).decode())
    return harmless(str(value))


def _at(document: Any, column: str) -> Any:
    for name in column.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document

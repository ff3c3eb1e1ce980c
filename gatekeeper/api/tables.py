"""Documents as rows: CSV that a spreadsheet opens without doing what a cell says, and JSON lines."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

CSV, LINES = "csv", "jsonl"
CONTENT_TYPES: Final = {CSV: "text/csv; charset=utf-8", LINES: "application/x-ndjson"}
DANGEROUS: Final = re.compile('(^|;)(?="*[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20])')
"""Where one of these begins a cell a spreadsheet takes it for a formula; one that parts cells by semicolons begins one after each, and
takes the marks that follow for those around a cell."""
AT_ONCE: Final = 100
"""So many rows go on their way together: each piece of an answer costs as much as several rows."""
_LINES: Final = msgspec.json.Encoder()


def rows(documents: Iterable[Any], form: str, columns: Sequence[str]) -> Iterator[bytes]:
    """The documents, some at a time: as CSV with these columns (members within members by points), or as JSON lines, whole."""
    several = iter(documents)
    paths = [column.split(".") for column in columns]
    if form == CSV:
        yield _csv([columns])
    while some := list(islice(several, AT_ONCE)):
        if form == LINES:
            yield _LINES.encode_lines(some)
        else:
            yield _csv([_cell(_at(document, path)) for path in paths] for document in map(_read, some))


def harmless(text: str) -> str:
    """The text as a spreadsheet shows it, and never computes it."""
    if text[:1].isalnum() and ";" not in text:  # nearly every cell: to look through each for a place took most of an export's time
        return text
    return DANGEROUS.sub(r"\1'", text)


def _csv(lines: Iterable[Sequence[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(lines)
    return written.getvalue().encode()


def _read(document: Any) -> Any:
    return msgspec.json.decode(document) if isinstance(document, msgspec.Raw) else document


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return harmless(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return harmless("|".join(value))
    if isinstance(value, dict | list):
        return harmless(msgspec.json.encode(value).decode())
    return harmless(str(value))


def _at(document: Any, path: Iterable[str]) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document

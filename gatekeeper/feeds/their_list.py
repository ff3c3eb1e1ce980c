"""A CSV list of the records that a REMS has, to be compared with ours."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from gatekeeper.errors import Unusable
from gatekeeper.feeds.acknowledging import record_named
from gatekeeper.feeds.csv_rows import csv_rows
from gatekeeper.storage.reconciling import Told
from schemas.text import MOST

COLUMNS: Final = ("record_id", "sequence", "kind", "quantity", "lot", "serials", "patient_id", "status")


def their_list(path: Path) -> Iterator[Told]:
    """Each row, but a last one of totals; columns that are not among ours are passed over. Raises ``Unusable`` where it cannot be read."""
    rows = csv_rows(path)
    names = next(rows, [])
    if "record_id" not in names or len(set(names)) != len(names):
        raise Unusable(f"{path}: the first row must name columns, each once, among them record_id; compared are {', '.join(COLUMNS)}.")
    places = [names.index(name) if name in names else None for name in COLUMNS]
    for number, row in enumerate(rows, 2):
        if row[:1] == ["TOTAL"]:
            continue
        if len(row) != len(names):
            raise Unusable(f"{path}, row {number}: it has {len(row)} cells, not {len(names)}.")
        record, sequence, kind, quantity, *texts = [None if place is None else row[place] for place in places]
        whole = [_whole(path, number, name, text) for name, text in (("sequence", sequence), ("quantity", quantity))]
        if any("\0" in text for text in (kind, *texts) if text):
            raise Unusable(f"{path}, row {number}: it holds a control character.")
        yield Told(number, record_named(record or ""), whole[0], kind or None, whole[1], *texts)


def _whole(path: Path, number: int, name: str, text: str | None) -> Any:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MOST):
        raise Unusable(f"{path}, row {number}: {name} must be a whole number.")
    return int(text)

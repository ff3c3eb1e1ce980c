"""A CSV file of receipts: what a REMS says of records, one a row, in the columns of an acknowledgement."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from gatekeeper.errors import Unusable
from gatekeeper.feeds.csv_rows import csv_rows
from schemas.acknowledgement import Acknowledgement
from schemas.reading import Unreadable, read_acknowledgement
from schemas.text import MOST_BYTES

COLUMNS: Final = Acknowledgement.__struct_fields__
REQUIRED: Final = ("record_id", "status", "at")


def receipts(path: Path, program: str) -> Iterator[bytes]:
    """Each row as an acknowledgement in JSON; where it does not say by which program, by this one.

    Raises ``Unusable`` at the first row that is none, with its line and what is wrong, and nothing of what stands there.
    """
    rows = csv_rows(path)
    names = next(rows, [])
    if not set(REQUIRED) <= set(names) <= set(COLUMNS) or len(set(names)) != len(names):
        raise Unusable(f"{path}: the first row must name columns among {', '.join(COLUMNS)}, with {', '.join(REQUIRED)}.")
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise Unusable(f"{path}, row {number}: it has {len(row)} cells, not {len(names)}.")
        said = {"program": program} | {name: cell for name, cell in zip(names, row, strict=True) if cell}
        raw = msgspec.json.encode(said)
        read = read_acknowledgement(raw) if len(raw) <= MOST_BYTES else Unreadable({"": ["Is too long."]})
        if isinstance(read, Unreadable):
            problems = " ".join(f"{pointer}: {' '.join(sentences)}" for pointer, sentences in read.problems.items())
            raise Unusable(f"{path}, row {number}: {problems}")
        yield raw

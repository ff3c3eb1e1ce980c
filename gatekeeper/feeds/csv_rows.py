"""The rows of a CSV file that somebody gave."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gatekeeper.errors import Unusable

MOST_OF_A_FIELD: Final = 250_000
"""The serials of the largest line fit in one."""


def csv_rows(path: Path) -> Iterator[list[str]]:
    """Each row, the first one too. Raises ``Unusable`` where the file cannot be read, and shows nothing of what stands there."""
    csv.field_size_limit(MOST_OF_A_FIELD)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.reader(file, strict=True)
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Unusable(f"{path} is not UTF-8.") from None
    except csv.Error:
        raise Unusable(f"{path} is not CSV, or a field has more than {MOST_OF_A_FIELD:,} characters.") from None

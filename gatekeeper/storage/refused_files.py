"""Refused snapshot files as they are held."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

SAME = """
SELECT FROM refused_file r LEFT JOIN file_loss l ON l.refusal = r.id LEFT JOIN file_lost_sites s ON s.refusal = r.id
WHERE sha256 = %s AND program IS NOT DISTINCT FROM %s AND problem = %s AND size = %s AND kept = %s
AND header IS NOT DISTINCT FROM %s AND confirmable = %s AND person IS NOT DISTINCT FROM %s
AND l.base IS NOT DISTINCT FROM %s AND s.sites IS NOT DISTINCT FROM %s LIMIT 1
"""
REFUSALS = """
SELECT sha256, program, problem, size, kept, header, confirmable, person, lost, certified, base, sites
FROM refused_file r LEFT JOIN file_loss l ON l.refusal = r.id LEFT JOIN file_lost_sites s ON s.refusal = r.id
WHERE sha256 = %s ORDER BY id
"""
EVERY = """
SELECT DISTINCT ON (r.sha256)
    r.sha256, r.program, r.problem, r.size, bool_or(r.confirmable) OVER w, r.person, r.at, min(r.id) OVER w, c.person IS NOT NULL
FROM refused_file r LEFT JOIN file_confirmation c ON c.sha256 = r.sha256
WINDOW w AS (PARTITION BY r.sha256) ORDER BY r.sha256, r.id DESC
"""
CONFIRMED = "SELECT person FROM file_confirmation WHERE sha256 = %s"
HAS_PIECE = "SELECT FROM file_piece WHERE sha256 = %s AND number = %s"
PIECE = 'SELECT "bytes" FROM file_piece WHERE sha256 = %s AND number = %s'


class Counted(NamedTuple):
    """What a file would lose of the sites that are certified."""

    lost: int
    certified: int
    base: int
    """The sequence of the snapshot that was the last one then."""
    sites: tuple[str, ...] | None = None
    """Which ones it would lose; None where an older version counted, which did not keep that."""

    @property
    def kept_sites(self) -> bytes | None:
        """These as they are kept, one a line."""
        return None if self.sites is None else "\n".join(self.sites).encode()


class RefusedFile(NamedTuple):
    """One refusal of a file."""

    sha256: str
    program: str | None
    problem: str
    size: int
    kept: int
    header: bytes | None
    """What the options of a CSV file said in place of its header line."""
    confirmable: bool
    person: str | None
    """Who offered it, where that was known."""
    counted: Counted | None = None
    """Where it was refused for the sites that it loses."""


class Refused(NamedTuple):
    """A file that was refused, as it was the last time."""

    sha256: str
    program: str | None
    problem: str
    size: int
    confirmable: bool
    """It was refused for the sites that it loses, offered by somebody who is known."""
    person: str | None
    at: datetime
    first: int
    """Its first refusal: where a file is refused again, it stays where it stands in the list."""
    confirmed: bool


def every(cursor: Cursor[Any]) -> list[Refused]:
    """The refused files, by when they were first refused, the newest first."""
    return sorted([Refused(*row) for row in cursor.execute(EVERY)], key=lambda file: -file.first)


def refusals(cursor: Cursor[Any], sha256: str) -> list[RefusedFile]:
    """Every refusal of the file with this digest, oldest first."""
    found = cursor.execute(REFUSALS, (sha256,))
    return [RefusedFile._make((*row[:8], _counted(*row[8:]))) for row in found]


def _counted(lost: int | None, certified: int, base: int, sites: bytes | None) -> Counted | None:
    return None if lost is None else Counted(lost, certified, base, None if sites is None else tuple(sites.decode().split("\n")))


def confirmed_by(cursor: Cursor[Any], sha256: str) -> str | None:
    """Who confirmed the file; None where nobody did."""
    row = cursor.execute(CONFIRMED, (sha256,)).fetchone()
    return row[0] if row else None


def pieces(cursor: Cursor[Any], sha256: str) -> Iterator[bytes]:
    """What is kept of the file, piece by piece."""
    number = 0
    while row := cursor.execute(PIECE, (sha256, number)).fetchone():
        yield row[0]
        number += 1


def has_piece(cursor: Cursor[Any], sha256: str, number: int) -> bool:
    """Whether this piece of the file is kept already."""
    return cursor.execute(HAS_PIECE, (sha256, number)).fetchone() is not None


def has_refusal(cursor: Cursor[Any], file: RefusedFile) -> bool:
    """Whether the same was refused for the same reason before, by the same person, and the same sites counted after the same snapshot."""
    *said, counted = file
    return cursor.execute(SAME, (*said, counted and counted.base, counted and counted.kept_sites)).fetchone() is not None


def next_refusal(cursor: Cursor[Any]) -> int:
    """The number of the next refusal. The ledger lock is held."""
    row = cursor.execute("SELECT coalesce(max(id), 0) + 1 FROM refused_file").fetchone()
    return int(row[0]) if row else 1


def has_alert(cursor: Cursor[Any], alert_id: UUID) -> bool:
    """Whether this alert was raised before."""
    return cursor.execute("SELECT FROM alert WHERE alert_id = %s", (alert_id,)).fetchone() is not None

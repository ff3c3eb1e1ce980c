"""The feed: distribution records in the order of their sequence, whole, for the REMS."""

from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec
from psycopg import Cursor

from gatekeeper import clock
from gatekeeper.api.areas import Area, Number, Query, caller, parts, reading
from gatekeeper.api.patients import PARAMETER, on_record, purpose_of_request
from gatekeeper.api.problems import Problem
from gatekeeper.people.inquiries import Inquiry
from gatekeeper.people.permissions import Permission
from schemas.members import Written
from schemas.record import DistributionRecord

AREA = Area("records", __name__, "Distribution records.")
MOST: Final = 1000
USUAL: Final = 200
LONGEST_WAIT_S: Final = 20
LOOKS_EVERY_S: Final = 0.25
RETRY_S: Final = 5
"""Who could not wait asks again after this."""
RECORDS = "SELECT sequence, body FROM distribution_record WHERE program = %s AND sequence > %s ORDER BY sequence LIMIT %s"
LAST = "SELECT coalesce((SELECT sequence FROM moving_record_count WHERE program = %s), 0)"


class Feed(msgspec.Struct):
    """Records one after the other, none left out."""

    program: str
    records: list[DistributionRecord]
    after: int
    """Ask on with this."""
    last: int
    """The sequence of the program's last record."""
    patients: Literal["shown", "masked"]


class FeedQuery(Query):
    program = Written(r"[A-Za-z0-9._:-]{1,64}", "Must be a program's name.", required=True)
    after = Number(0, 2**63 - 2, metadata={"description": "Records with a higher sequence; 0 where not given."})
    limit = Number(1, MOST, metadata={"description": f"The most records; {USUAL} where not given."})
    wait = Number(0, LONGEST_WAIT_S, metadata={"description": "Seconds to wait, at most, for the next record where there is none yet."})


@AREA.operation("GET", "/v1/distribution-records", Permission.READ_RECORDS, Feed, query=FeedQuery, parameters=[PARAMETER])
def list_records(query: dict[str, Any]) -> Any:
    """A program's distribution records by sequence, without gaps.

    A token that is limited to wholesalers would see gaps, so it sees none. Patients are masked unless the permission
    `patients.read` and a purpose are there.
    """
    program, after, limit = query["program"], query.get("after", 0), query.get("limit", USUAL)
    must_see_feed(program)
    purpose = purpose_of_request()
    rows, last = _read(program, after, limit)
    if not rows and query.get("wait"):
        if not parts().waiters.acquire(blocking=False):
            raise Problem("unavailable", "As many callers wait for a record as may at once.", retry_after_s=RETRY_S)
        try:
            until = clock.seconds() + query["wait"]
            while not rows and clock.seconds() < until and not parts().stopping.wait(LOOKS_EVERY_S):
                rows, last = _read(program, after, limit)
        finally:
            parts().waiters.release()
    if purpose is not None and rows:
        on_record(
            Inquiry("patients", "list_records", purpose, len(rows), program=program, first_sequence=rows[0][0], last_sequence=rows[-1][0])
        )
    shown: Any = [msgspec.Raw(body) for _, body in rows]
    return Feed(program, shown, rows[-1][0] if rows else after, last, "masked" if purpose is None else "shown")


def must_see_feed(program: str) -> None:
    """Ends the request of who would see gaps."""
    caller().must_see_program(program)
    if not caller().wholesalers.every:
        raise Problem("not-permitted")


def every_record(cursor: Cursor[Any], program: str, after: int, last: int) -> Iterator[bytes]:
    """All records after one and up to the last."""
    while after < last:
        rows = _records(cursor, program, after, min(MOST, last - after))
        if not rows:
            return
        yield from (body for _, body in rows)
        after = rows[-1][0]


def _read(program: str, after: int, limit: int) -> tuple[list[tuple[int, bytes]], int]:
    with reading() as cursor:
        return _records(cursor, program, after, limit), last_of(cursor, program)


def _records(cursor: Cursor[Any], program: str, after: int, limit: int) -> list[tuple[int, bytes]]:
    # In binary form: as text each byte of a body would be two, made there and read here.
    return cursor.execute(RECORDS, (program, after, limit), binary=True).fetchall()


def last_of(cursor: Cursor[Any], program: str) -> int:
    """The sequence of the program's last record; 0 where there is none."""
    (last,) = cursor.execute(LAST, (program,)).fetchone() or (0,)
    return int(last)

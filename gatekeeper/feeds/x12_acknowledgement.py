"""What a 997 or 999 says of groups that were sent. Envelope and counters are read by pyx12, which knows them."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from pyx12.errors import EngineError, X12Error
from pyx12.segment import Segment
from pyx12.x12file import X12Reader

from gatekeeper.domain.acknowledgements import ACCEPTED, REJECTED
from gatekeeper.errors import Unusable

MOST_BYTES: Final = 16 * 1024 * 1024
OUR_GROUPS: Final = "PT"
KINDS: Final = ("997", "999")
_NOT_AT_ALL: Final = dict.fromkeys("RMWX", REJECTED)
STATUSES: Final = {"A": ACCEPTED, "E": "accepted_with_errors", "P": "partly_accepted"} | _NOT_AT_ALL
"""By AK901, what became of a group."""
HARMLESS: Final = frozenset({"SEG1"})
"""Empty elements at the end of a segment."""


class Group(NamedTuple):
    """What is said of one group."""

    number: int
    """Its control number, which is that of our file."""
    status: str


class X12Acknowledgement(NamedTuple):
    kind: str
    sender: str
    receiver: str
    interchange: str
    """Its own control number."""
    at: datetime
    groups: tuple[Group, ...]


def read_x12(raw: bytes, named: object) -> X12Acknowledgement:
    """Raises ``Unusable``, with one sentence that repeats nothing of what stands in the file, where it is not whole and right."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Unusable(f"{named} is not UTF-8.") from None
    try:
        reader = X12Reader(io.StringIO(text))
        segments = list(reader)
        reader.cleanup()
    except (X12Error, EngineError, IndexError):
        # The library counts on trailers that have headers.
        raise Unusable(f"{named} is no X12 of version 004010 or 005010 that can be read.") from None
    wrong = sorted({f"{kind} {code}" for kind, code, *_ in reader.pop_errors() if code not in HARMLESS})
    if wrong:
        raise Unusable(f"{named} is not whole: its envelope or its counters do not fit ({', '.join(wrong)}).")
    return _said(segments, named)


def _said(segments: list[Segment], named: object) -> X12Acknowledgement:
    isa = [segment for segment in segments if segment.get_seg_id() == "ISA"]
    kinds = {_value(segment, "ST01") for segment in segments if segment.get_seg_id() == "ST"}
    if len(isa) != 1 or len(kinds) != 1 or not kinds <= set(KINDS):
        raise Unusable(f"{named} must be one interchange of transaction sets 997 or of 999.")
    groups = tuple(_groups(segments, named))
    if not groups:
        raise Unusable(f"{named} acknowledges no group of kind {OUR_GROUPS}.")
    sender, receiver, number = (_value(isa[0], name).strip() for name in ("ISA06", "ISA08", "ISA13"))
    return X12Acknowledgement(kinds.pop(), sender, receiver, number, _instant(isa[0], named), groups)


def _groups(segments: list[Segment], named: object) -> Iterator[Group]:
    """Each AK1 with the AK9 that closes it; those of other kinds than ours are not ours to read."""
    group: tuple[str, str] | None = None
    for segment in segments:
        name = segment.get_seg_id()
        if name in ("AK1", "SE") and group is not None:
            raise Unusable(f"{named} names a group and does not say what became of it.")
        if name == "AK1":
            group = _value(segment, "AK101"), _value(segment, "AK102")
        elif name == "AK9" and group is not None:
            kind, number = group
            status = STATUSES.get(_value(segment, "AK901"))
            if status is None or not (number.isascii() and number.isdigit() and len(number) <= 9):
                raise Unusable(f"{named} says of a group something that is not in the standard.")
            if kind == OUR_GROUPS:
                yield Group(int(number), status)
            group = None


def _value(segment: Segment, name: str) -> str:
    return segment.get_value(name) or ""


def _instant(isa: Segment, named: object) -> datetime:
    try:
        return datetime.strptime(_value(isa, "ISA09") + _value(isa, "ISA10"), "%y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        raise Unusable(f"{named} does not say when it was made.") from None

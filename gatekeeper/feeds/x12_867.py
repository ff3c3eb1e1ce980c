"""A file as ANSI X12 867, version 004010. Envelope and segments are the standard's; which member stands where is ours.

``docs/feed.md`` has the table of segments.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import UNSET

from gatekeeper.errors import Unusable
from gatekeeper.feeds.forms import File, Form
from gatekeeper.feeds.layout import X12, Layout
from gatekeeper.feeds.members import DAYS, ndc_written
from schemas.record import DistributionRecord

Segment = tuple[str, ...]

MOST_SETS: Final = 999_999
"""Of one group: GE01 has six digits."""
LONGEST_REFERENCE: Final = 30
LONGEST_DESCRIPTION: Final = 80
LONGEST_NAME: Final = 60
LONGEST_ADDRESS: Final = 55
LONGEST_CITY: Final = 30
SHORTEST_CODE: Final = 2
NDC_QUALIFIERS: Final = {"4-4-2": "N1", "5-3-2": "N2", "5-4-1": "N3", "5-4-2": "N4"}
ANY_NDC: Final = "ND"
OTHER_UNIT: Final = "ZZ"
_day = DAYS["YYYYMMDD"]


class X12Form(Form):
    """One interchange with one group, in it a transaction set for so many records as the layout says, each with its own totals."""

    def __init__(self, file: File, layout: Layout, x12: X12) -> None:
        super().__init__(file, layout)
        self._x12, self._units = x12, dict(x12.units)
        self._sets, self._segments, self._in_set, self._set_quantity = 0, 0, 0, 0
        delimiters = x12.element_separator + x12.component_separator + x12.segment_terminator
        self._blanks, self._delimiters = str.maketrans(dict.fromkeys(delimiters, " ")), frozenset(delimiters)
        if -(-file.records // x12.records_a_set) > MOST_SETS:
            raise Unusable(f"A file of {file.records:,} records needs more than {MOST_SETS:,} transaction sets: raise x12.records_a_set.")

    def begin(self) -> bytes:
        x12, file, at = self._x12, self._file, self._file.made_at
        interchange = (
            "ISA", "00", " " * 10, "00", " " * 10, x12.sender_qualifier, x12.sender.ljust(15), x12.receiver_qualifier,
            x12.receiver.ljust(15), f"{at:%y%m%d}", f"{at:%H%M}", "U", "00401", f"{file.number:09}", "0", x12.usage,
            x12.component_separator,
        )  # fmt: skip
        group = ("GS", "PT", x12.sender, x12.receiver, _day(at.date()), f"{at:%H%M}", str(file.number), "X", "004010")
        return self._encoded([interchange, group])

    def _written(self, records: Sequence[DistributionRecord], bodies: Sequence[bytes]) -> bytes:  # noqa: ARG002
        segments: list[Segment] = []
        for record in records:
            if self._in_set == 0:
                segments += self._begin_set()
            own = list(self._record(record))
            segments += own
            self._segments += len(own)
            self._in_set += 1
            self._set_quantity += record.quantity
            if self._in_set == self._x12.records_a_set:
                segments += self._end_set()
        return self._encoded(segments)

    def end(self) -> bytes:
        last = self._end_set() if self._in_set else []
        return self._encoded([*last, ("GE", str(self._sets), str(self._file.number)), ("IEA", "1", f"{self._file.number:09}")])

    def _begin_set(self) -> list[Segment]:
        self._sets += 1
        self._segments, self._set_quantity = 2, 0
        return [("ST", "867", f"{self._sets:04}"), ("BPT", "00", f"{self._file.number}-{self._sets}", _day(self._file.made_at.date()))]

    def _end_set(self) -> list[Segment]:
        totals: list[Segment] = [("CTT", str(self._in_set), str(self._set_quantity)), ("SE", str(self._segments + 2), f"{self._sets:04}")]
        self._in_set = 0
        return totals

    def _record(self, record: DistributionRecord) -> Iterator[Segment]:
        yield ("PTD", "SS")
        yield ("DTM", "010", _day(record.ship_on))
        yield ("DTM", "097", *_instant(record.recorded_at))
        if record.expires_on is not UNSET:
            yield ("DTM", "036", _day(record.expires_on))
        yield ("REF", "TN", str(record.sequence), record.record_id)
        yield ("REF", "ZZ", record.kind.upper())
        if record.outside_gate is not UNSET:
            yield ("REF", "ZZ", "OUTSIDE GATE")
        yield from _reference("F8", record.replaces)
        yield from _reference("CO", record.order_id)
        yield ("REF", "LI", f"{record.revision}-{record.line}")
        yield from _reference("EJ", record.patient_id)
        yield from _reference("BB", record.authorization_id)
        yield from _reference("LT", self._exactly(record, record.lot))
        for serial in () if record.serials is UNSET else record.serials:
            yield ("REF", "SE", serial)
        yield _party("DS", "", record.wholesaler_id)
        if record.ship_from.site_id is not None:
            yield _party("SF", "", record.ship_from.site_id)
        yield from self._ship_to(record)
        for role, name in (("DK", record.prescriber_id), ("FA", record.administering_site_id)):
            if name is not UNSET:
                yield _party(role, "", name)
        came_back = record.kind == "return" or record.sequence in self._void_returns
        yield ("QTY", "76" if came_back else "32", str(record.quantity), self._units.get(record.unit, OTHER_UNIT))
        yield ("LIN", "", *self._ndc(record), "UK", record.product.gtin)

    def _ndc(self, record: DistributionRecord) -> tuple[str, str]:
        digits = self._layout.ndc_digits
        hyphened = ndc_written(record.product.ndc, record.product.gtin, digits, hyphens=True)
        qualifier = NDC_QUALIFIERS.get("-".join(str(len(segment)) for segment in hyphened.split("-")), ANY_NDC)
        return qualifier, hyphened if self._layout.ndc_hyphens else hyphened.replace("-", "")

    def _ship_to(self, record: DistributionRecord) -> Iterator[Segment]:
        to = record.ship_to
        name = self._plain(to.name)
        told = 0 if to.site_id is not None and len(to.site_id) < SHORTEST_CODE else LONGEST_NAME
        if to.site_id is not None or name:
            yield _party("ST", name[:told].strip(), to.site_id)
        for first in range(told, len(name), 2 * LONGEST_NAME):
            parts = name[first : first + LONGEST_NAME], name[first + LONGEST_NAME : first + 2 * LONGEST_NAME]
            yield ("N2", *[part.strip() or "-" for part in parts if part])
        if to.address is UNSET:
            return
        for line in (to.address.street, to.address.street2):
            text = self._plain(line)
            if text:
                parts = text[:LONGEST_ADDRESS].strip() or "-", text[LONGEST_ADDRESS : 2 * LONGEST_ADDRESS].strip()
                yield ("N3", *[part for part in parts if part])
        city, state, code = (self._plain(text).strip() for text in (to.address.city, to.address.state, to.address.postal_code))
        place = [city[:LONGEST_CITY] if len(city) > 1 else "", state if len(state) == 2 else "", code if 3 <= len(code) <= 15 else ""]
        while place and not place[-1]:
            place.pop()
        if place:
            yield ("N4", *place)

    def _plain(self, text: Any) -> str:
        """A name or an address, for people: what would be a delimiter is a blank."""
        return "" if text is UNSET else str(text).translate(self._blanks)

    def _exactly(self, record: DistributionRecord, text: Any) -> Any:
        """What nobody may alter, not even by a blank."""
        if text is not UNSET and not self._delimiters.isdisjoint(text):
            raise Unusable(f"The lot of record {record.sequence} holds a delimiter of the layout: choose others.")
        return text

    def _encoded(self, segments: Sequence[Segment]) -> bytes:
        """No segment ends with an empty element."""
        x12 = self._x12
        end = x12.segment_terminator + ("\n" if x12.line_feeds else "")
        return (end.join([x12.element_separator.join(segment) for segment in segments]) + end if segments else "").encode()


def _reference(qualifier: str, text: Any) -> Iterator[Segment]:
    """A reference, where it has up to 30 characters in REF02, else in REF03; what is longer than 80 goes on in a next one."""
    if text is UNSET or text is None:
        return
    if len(text) <= LONGEST_REFERENCE:
        yield ("REF", qualifier, text)
        return
    for first in range(0, len(text), LONGEST_DESCRIPTION):
        yield ("REF", qualifier, "", text[first : first + LONGEST_DESCRIPTION])


def _party(role: str, name: str, code: str | None) -> Segment:
    """A party by its name and its code; a code of one character, which N104 cannot hold, stands in the place of the name."""
    if code is None or len(code) < SHORTEST_CODE:
        return ("N1", role, code or name)
    return ("N1", role, name, "ZZ", code)


def _instant(text: str) -> tuple[str, str, str]:
    """An instant in UTC as the ledger writes it: day, time of day, and that it is universal time."""
    return text[:10].replace("-", ""), text[11:19].replace(":", ""), "UT"

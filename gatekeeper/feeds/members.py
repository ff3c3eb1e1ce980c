"""The members of a distribution record as a layout names them, and how days and NDCs are written."""

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import UNSET

from gatekeeper.domain.identifiers import gtin_14
from gatekeeper.domain.products import ndc_readings
from gatekeeper.errors import Unusable
from schemas.record import DistributionRecord

Value = Any
"""A text, a whole number, serials, true, or None."""
decode: Final = msgspec.json.Decoder(DistributionRecord).decode

DAYS: Final[dict[str, Callable[[date], str]]] = {
    "YYYY-MM-DD": date.isoformat,
    "YYYYMMDD": lru_cache(4096)(lambda day: f"{day.year:04}{day.month:02}{day.day:02}"),
    "MM/DD/YYYY": lru_cache(4096)(lambda day: f"{day.month:02}/{day.day:02}/{day.year:04}"),
}
"""The ways of writing a day."""
MEMBERS: Final = (
    "sequence", "record_id", "kind", "replaces", "program", "wholesaler_id", "order_id", "revision", "line", "verdict_id",
    "outside_gate", "recorded_at", "ship_on", "ship_from.site_id", "ship_to.site_id", "ship_to.class", "ship_to.name",
    "ship_to.address.street", "ship_to.address.street2", "ship_to.address.city", "ship_to.address.state", "ship_to.address.postal_code",
    "patient_id", "prescriber_id", "authorization_id", "administering_site_id", "product.ndc", "product.gtin", "product.name",
    "quantity", "unit", "lot", "expires_on", "serials",
)  # fmt: skip
_DATED: Final = frozenset({"ship_on", "expires_on"})
_NDC: Final = "product.ndc"
_SEGMENTS: Final = {11: (5, 4, 2), 12: (6, 4, 2)}


class Reader:
    """Gives the members of a record in the order of a layout's columns, as it writes them; None where a record does not have one."""

    def __init__(self, members: Sequence[str], days: str, ndc_digits: int, *, ndc_hyphens: bool) -> None:
        names = [member.replace("class", "site_class") for member in members]
        self._each = [attrgetter(name) for name in names]
        # A record has all of them at once much faster than one after the other.
        self._all = attrgetter(*names, "record_id")
        self._dated = [place for place, member in enumerate(members) if member in _DATED]
        self._coded = [place for place, member in enumerate(members) if member == _NDC]
        self._day: Callable[[Any], str] = DAYS[days]
        self._digits, self._hyphens = ndc_digits, ndc_hyphens

    def read(self, record: DistributionRecord) -> list[Value]:
        """The values, one a column."""
        try:
            values = [None if value is UNSET else value for value in self._all(record)[:-1]]
        except AttributeError:
            values = [self._one(get, record) for get in self._each]
        for place in self._dated:
            if values[place] is not None:
                values[place] = self._day(values[place])
        for place in self._coded:
            values[place] = ndc_written(record.product.ndc, record.product.gtin, self._digits, hyphens=self._hyphens)
        return values

    def _one(self, get: Callable[[DistributionRecord], Any], record: DistributionRecord) -> Any:
        try:
            value = get(record)
        except AttributeError:
            # A part that holds the member was not given.
            return None
        return None if value is UNSET else value


@lru_cache(4096)
def ndc_written(ndc: str, gtin: str, digits: int, *, hyphens: bool) -> str:
    """An NDC of a record, with so many digits. Raises ``Unusable`` where it has no such form.

    The ten digits of a code are told by the package's GTIN, for a zero more or less in each segment would make another package of it.
    """
    [key] = ndc_readings(ndc) or (None,)
    if key is None:
        raise Unusable(f"The NDC {ndc} of a record cannot be written otherwise: its segments are not known.")
    segments = [key[:6], key[6:10], key[10:]]
    if digits == 10:
        return ("-" if hyphens else "").join(_ten(segments, ndc, gtin))
    widths = _SEGMENTS[digits]
    if digits == 11 and segments[0][0] != "0":
        raise Unusable(f"The NDC {ndc} of a record has no form of 11 digits: its labeler code has six.")
    return ("-" if hyphens else "").join(segment[-width:] for segment, width in zip(segments, widths, strict=True))


def _ten(segments: list[str], ndc: str, gtin: str) -> list[str]:
    padded = gtin_14(gtin)
    for widths in ((4, 4, 2), (5, 3, 2), (5, 4, 1), (6, 3, 1)):
        cut = [segment[-width:] for segment, width in zip(segments, widths, strict=True)]
        whole = all(set(segment[:-width]) <= {"0"} for segment, width in zip(segments, widths, strict=True))
        if whole and padded is not None and padded[1:3] == "03" and padded[3:13] == "".join(cut):
            return cut
    raise Unusable(f"The NDC {ndc} of a record has no form of 10 digits that its GTIN tells.")

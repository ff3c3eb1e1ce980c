"""The texts and numbers of the contract: what each may be made of, and how long it may be.

The types carry lengths, which the decoder checks, and the published pattern, which it does not: a pattern a member would cost
more than all the rest of reading. What a text is made of is checked for all members of a message at once, by the functions below.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Final

from msgspec import Meta

MOST: Final = 2_147_483_647
MOST_BYTES: Final = 1_048_576
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2199
FIRST_DAY: Final = date(FIRST_YEAR, 1, 1)
LAST_DAY: Final = date(LAST_YEAR, 12, 31)

ID: Final = r"[A-Za-z0-9._:-]{1,64}"
ID_WITHOUT_COLON: Final = r"[A-Za-z0-9._-]{1,64}"
ACCOUNT_ON_FILE: Final = r"[A-Za-z0-9._-]{1,64}:[A-Za-z0-9._-]{1,64}"
SERIAL: Final = r"[!\"%&'()*+,\-.\/0-9:;<=>?A-Z_a-z]{1,20}"
SHA256: Final = r"[0-9a-f]{64}"
NO_CONTROL: Final = r"[^\u0000-\u001f\u007f-\u009f]*"
DAY: Final = r"(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}"
INSTANT: Final = DAY + r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"


def published(pattern: str) -> dict[str, object]:
    """The pattern as JSON Schema writes it."""
    return {"pattern": f"^{pattern}$"}


Id = Annotated[str, Meta(min_length=1, max_length=64, extra_json_schema=published(ID))]
IdWithoutColon = Annotated[str, Meta(min_length=1, max_length=64, extra_json_schema=published(ID_WITHOUT_COLON))]
AccountOnFile = Annotated[str, Meta(min_length=3, max_length=129, extra_json_schema=published(ACCOUNT_ON_FILE))]
Text = Annotated[str, Meta(min_length=1, max_length=200, extra_json_schema=published(NO_CONTROL))]
Notice = Annotated[str, Meta(min_length=1, max_length=2000, extra_json_schema=published(NO_CONTROL))]
Serial = Annotated[str, Meta(min_length=1, max_length=20, extra_json_schema=published(SERIAL))]
Sha256 = Annotated[str, Meta(min_length=64, max_length=64, extra_json_schema=published(SHA256))]
Instant = Annotated[str, Meta(min_length=20, max_length=32, extra_json_schema={"format": "date-time"} | published(INSTANT))]
Day = Annotated[date, Meta(extra_json_schema=published(DAY))]
Count = Annotated[int, Meta(ge=1, le=MOST)]
CountFromZero = Annotated[int, Meta(ge=0, le=MOST)]

_INSTANT: Final = re.compile(INSTANT + r"\Z")
_ID_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"
_SERIAL_LETTERS: Final = _ID_LETTERS + b"!\"%&'()*+,/;<=>?"
_CONTROL: Final = re.compile(rb"\\[^\"]|\x7f|\xc2[\x80-\x9f]")


def made_of_id_letters(texts: Iterable[str]) -> bool:
    """Whether all are written in the alphabet of ids."""
    return not "".join(texts).encode().translate(None, _ID_LETTERS)


def made_of_serial_letters(texts: Iterable[str]) -> bool:
    """Whether all are written in the alphabet of serials, the set of GS1 AI (21)."""
    return not "".join(texts).encode().translate(None, _SERIAL_LETTERS)


def is_instant(text: str) -> bool:
    """Whether this is an instant of the contract: a real day and time of day, with an offset."""
    if not _INSTANT.match(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_day(day: date) -> bool:
    """Whether this day lies in the years of the contract."""
    return FIRST_DAY <= day <= LAST_DAY


def holds_control(encoded: bytes) -> bool:
    """Whether a text in this JSON, as the encoder writes it, holds a control character."""
    return _CONTROL.search(encoded.replace(b"\\\\", b"")) is not None

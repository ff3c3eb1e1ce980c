"""When two addresses are the same place, and when they are not.

Street and second line, upper case, without accents and signs, each word as USPS Publication 28 abbreviates it, and
the first five digits of the ZIP code. City and state are not compared.
"""

import re
import unicodedata
from functools import lru_cache

from gatekeeper.domain.order import Address
from gatekeeper.domain.usps import ABBREVIATIONS

_APOSTROPHES = str.maketrans("", "", "'\u2019")
_POINT_BETWEEN_LETTERS = re.compile(r"(?<![^\W_])([^\W\d_])\.(?=[^\W\d_](?![^\W_]))")
_WORDS = re.compile(r"[^\W_]+|#")
_DESIGNATORS = frozenset({"STE", "UNIT", "APT", "RM", "#"})
_ASCII_DIGITS = frozenset("0123456789")


@lru_cache(65_536)
def address_key(address: Address) -> str:
    """Two addresses agree when their keys are equal."""
    text = address.street if address.street2 is None else f"{address.street} {address.street2}"
    words: list[str] = []
    for word in _WORDS.findall(_plain(text)):
        abbreviated = ABBREVIATIONS.get(word, word)
        if abbreviated in _DESIGNATORS:
            if words and words[-1] == "#":
                continue
            abbreviated = "#"
        words.append(abbreviated)
    return f"{' '.join(words)} | {zip5(address.postal_code)}"


def words_of(text: str) -> list[str]:
    """The words of a name or an address as they are compared: in capitals, without accents and signs."""
    return [word for word in _WORDS.findall(_plain(text)) if word != "#"]


def _plain(text: str) -> str:
    if not text.isascii():
        text = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return _POINT_BETWEEN_LETTERS.sub(r"\1", text.upper().translate(_APOSTROPHES))


def zip5(postal_code: str) -> str:
    """The first five digits of a ZIP code, however it is written."""
    return "".join(sign for sign in postal_code if sign in _ASCII_DIGITS)[:5]

"""When two addresses agree."""

import re
import unicodedata
from typing import Any

from scourgify.address_constants import DIRECTIONAL_REPLACEMENTS, OCCUPANCY_TYPE_ABBREVIATIONS, STREET_TYPE_ABBREVIATIONS

DESIGNATOR = "#"
ONE_DESIGNATOR = {"STE", "UNIT", "APT", "RM", "#"}
LETTER = r"[^\W\d_]"
SIGN_OF_A_WORD = r"[^\W_]"


def agree(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    """'A unit on one side only disagrees; city and state are not compared; a fact without an address disagrees.'"""
    if one is None or other is None:
        return False
    return words(one) == words(other) and zip5(one) == zip5(other)


def zip5(address: dict[str, Any]) -> str:
    """'… and the first 5 digits of the ZIP.'"""
    return "".join(sign for sign in address["postal_code"] if sign in "0123456789")[:5]


def words(address: dict[str, Any]) -> list[str]:
    """'`street` and `street2` joined, upper case, without punctuation, each word replaced by its USPS Publication 28 abbreviation.'"""
    text = address["street"] + " " + address.get("street2", "")
    text = without_accents(text).upper()
    text = text.replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "")
    text = without_points_between_letters(text)
    text = "".join(f" {sign} " if sign == "#" else sign if sign.isalnum() else " " for sign in text)
    return designators_once([abbreviation(word) for word in text.split()])


def without_accents(text: str) -> str:
    """'Accents are removed (NFKD).'"""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def without_points_between_letters(text: str) -> str:
    """'an apostrophe is dropped, and a point between two single letters (`N.W.`)'"""
    return re.sub(rf"(?<!{SIGN_OF_A_WORD})({LETTER})\.(?={LETTER}(?!{SIGN_OF_A_WORD}))", r"\1", text)


def abbreviation(word: str) -> str:
    """'(suffixes, directionals, unit designators; `STE`, `UNIT`, `APT`, `RM` and `#` count as one designator)'"""
    for table in (STREET_TYPE_ABBREVIATIONS, DIRECTIONAL_REPLACEMENTS, OCCUPANCY_TYPE_ABBREVIATIONS):
        if word in table:
            word = table[word]
            break
    return DESIGNATOR if word in ONE_DESIGNATOR else word


def designators_once(given: list[str]) -> list[str]:
    """'several of these five designators in a row count once'"""
    return [word for n, word in enumerate(given) if not (word == DESIGNATOR and n and given[n - 1] == DESIGNATOR)]

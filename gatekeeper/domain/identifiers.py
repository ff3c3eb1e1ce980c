"""Identifiers that carry a check digit: NPI, DEA number, GLN, GTIN.

Only ASCII digits are digits. What a text looks like is judged here; whether anybody has it is the registry's to say.
"""

import re
from functools import lru_cache

_NPI = re.compile(r"[12][0-9]{9}", re.ASCII)
_DEA = re.compile(r"[A-Z][A-Z9][0-9]{7}", re.ASCII)
_GLN = re.compile(r"[0-9]{13}", re.ASCII)
_GTIN = re.compile(r"[0-9]{8}|[0-9]{12,14}", re.ASCII)
_REMEMBERED = 16_384


def gs1_check_digit(body: str) -> str:
    """The digit that GS1 puts after ``body``: weights 3, 1, 3 … from the right."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return str(-total % 10)


@lru_cache(_REMEMBERED)
def npi_is_valid(text: str) -> bool:
    """Ten digits, the first 1 or 2, and the Luhn digit over the card issuer prefix 80840 and the first nine."""
    if not _NPI.fullmatch(text):
        return False
    total = 24  # what the prefix 80840 adds
    for place, digit in enumerate(reversed(text)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


@lru_cache(_REMEMBERED)
def dea_is_valid(text: str) -> bool:
    """A capital letter, a capital letter or 9, seven digits; the last is that of (1st+3rd+5th) + 2 (2nd+4th+6th)."""
    if not _DEA.fullmatch(text):
        return False
    digits = [int(digit) for digit in text[2:]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


@lru_cache(_REMEMBERED)
def gln_is_valid(text: str) -> bool:
    """Thirteen digits, the last the GS1 check digit."""
    return _GLN.fullmatch(text) is not None and gs1_check_digit(text[:-1]) == text[-1]


def gtin_14(text: str) -> str | None:
    """A GTIN of 8, 12, 13 or 14 digits padded to 14; None where it has not that form or not its check digit."""
    if not _GTIN.fullmatch(text) or gs1_check_digit(text[:-1]) != text[-1]:
        return None
    return text.rjust(14, "0")

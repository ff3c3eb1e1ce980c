"""The form and the check digit that an identifier must have."""

import re


def npi_is_valid(text: str) -> bool:
    """'an NPI (10 digits, the first 1 or 2)'; its check digit is Luhn's, over `80840` and the NPI."""
    if not re.fullmatch(r"[12][0-9]{9}", text):
        return False
    total = 0
    for place, digit in enumerate(reversed("80840" + text)):
        doubled = int(digit) * (2 if place % 2 else 1)
        total += doubled // 10 + doubled % 10
    return total % 10 == 0


def dea_is_valid(text: str) -> bool:
    """'DEA (a capital letter, a capital letter or 9, 7 digits)'; the last digit is that of (1st+3rd+5th) + 2(2nd+4th+6th)."""
    if not re.fullmatch(r"[A-Z][A-Z9][0-9]{7}", text):
        return False
    d = [int(digit) for digit in text[2:]]
    return (d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10 == d[6]


def gs1_is_valid(digits: str) -> bool:
    """The check digit of GS1: weights 3 and 1 from the right, before it."""
    body, check = digits[:-1], int(digits[-1])
    total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(body)))
    return (10 - total % 10) % 10 == check


def gln_is_valid(text: str) -> bool:
    """'or GLN (13 digits)'"""
    return re.fullmatch(r"[0-9]{13}", text) is not None and gs1_is_valid(text)


def gtin14(text: str) -> str | None:
    """'A GTIN has 8, 12, 13 or 14 digits and a right check digit, and is padded with zeros to 14'; None where it is wrong in itself."""
    if re.fullmatch(r"[0-9]{8}|[0-9]{12,14}", text) and gs1_is_valid(text):
        return text.zfill(14)
    return None

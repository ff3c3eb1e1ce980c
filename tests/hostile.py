"""Documents with one thing changed into what nobody should send, though some of it can be read."""

import copy
from typing import Any

from tests.writings import Dice

TEXTS = [
    "",
    " ",
    "x" * 65,
    "x" * 201,
    "a\u0000b",
    "a\u0085b",
    "\ud800",
    "\N{VULGAR FRACTION ONE HALF} \N{FRACTION SLASH} ß",
    "\N{LATIN SMALL LIGATURE FF} \u0130 \u0301",
    "Peñón º ' \N{RIGHT SINGLE QUOTATION MARK} . # # 4",
    "N.W. A.B.C 1.2 St.",
    "²",
    "\u0665\u0668",
    "1900-01-01",
    "2199-12-31",
    "2200-01-01",
    "2026-02-29",
    "0000-00-00",
    "1900-01-01T00:00:00+14:00",
    "2199-12-31T23:59:59.999999-23:59",
    "2026-11-20T15:00:00Z",
    "2026-11-20T15:00:60Z",
    "5846802001",
    "58468-0200-1\n",
    "0614141000012",
    "certified",
    "WD-1:10023",
    "HF1",
]
NUMBERS: list[Any] = [0, 1, -1, 5.0, 0.5, 201, 10_000, 2_147_483_647, 2_147_483_648, 10**40, 1e308]
OTHERS: list[Any] = [None, True, [], {}, [[]], {"": {}}, {"x": None}]


def deep(levels: int) -> Any:
    """Lists in lists."""
    nested: Any = 1
    for _ in range(levels):
        nested = [nested]
    return nested


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document but the whole."""
    members = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    return [place for key, held in members for place in ((*path, key), *places(held, (*path, key)))]


def spoiled(dice: Dice, document: dict[str, Any]) -> dict[str, Any]:
    """The document with one to three places changed: another value, another's value, no value, or a member more."""
    document = copy.deepcopy(document)
    for _ in range(dice.pick([1, 1, 2, 3])):
        found = places(document)
        *path, last = dice.pick(found)
        target = document
        for key in path:
            target = target[key]
        if dice.seldom(6):
            del target[last]
        elif dice.seldom(6) and isinstance(target, dict):
            target[dice.pick(["colour", "site_id", "gtin", "serials", "gln", "\u0000", "Lot"])] = dice.pick(TEXTS)
        else:
            text = dice.pick(TEXTS)
            target[last] = dice.pick([text, text, dice.pick(NUMBERS), copy.deepcopy(dice.pick(OTHERS)), deep(dice.pick([3, 14, 200]))])
    return document


def damaged(dice: Dice, message: bytes) -> bytes:
    """The message with some bytes cut, doubled or changed."""
    if not message:
        return message
    at = dice.number(0, len(message) - 1)
    upto = min(len(message), at + dice.number(1, 12))
    junk = [b"", b"\xff", b"\x00", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"a":1,"a":1,', b"NaN", b"1e999", b"[" * 200, b"\xc2\xa0"]
    part = dice.pick([message[at:upto] * 2, dice.pick(junk)])
    return message[:at] + part.replace(b"\n", b" ") + message[upto:]

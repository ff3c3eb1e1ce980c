"""Which product a line names."""

import re
from dataclasses import dataclass
from typing import Any

from tests.oracle.identifiers import gtin14

HYPHENATED = {(4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2), (6, 4, 2), (6, 3, 2), (6, 4, 1)}
UNHYPHENATED = {10: ((4, 4, 2), (5, 3, 2), (5, 4, 1)), 11: ((5, 4, 2),), 12: ((6, 4, 2),)}
HRI = {(4, 6), (5, 5)}


@dataclass(frozen=True)
class Row:
    """A covered package: its NDC as 6-4-2, its GTIN as 14 digits."""

    ndc: str
    gtin: str


@dataclass(frozen=True)
class Product:
    """What a line's product comes to: the row whose program's rules run, and the reasons that its identifiers give."""

    row: Row | None
    codes: tuple[str, ...] = ()


def padded(segments: list[str]) -> str:
    """'padded to 6-4-2'"""
    return "-".join(segment.zfill(width) for segment, width in zip(segments, (6, 4, 2), strict=True))


def readings(ndc: str) -> set[str]:
    """'An NDC is read in every form that it can have: hyphenated …; unhyphenated 10 digits as 4-4-2, 5-3-2 and 5-4-1, 11 as 5-4-2, 12 as
    6-4-2'"""
    if re.fullmatch(r"[0-9]+-[0-9]+-[0-9]+", ndc):
        segments = ndc.split("-")
        return {padded(segments)} if tuple(map(len, segments)) in HYPHENATED else set()
    if re.fullmatch(r"[0-9]+", ndc):
        return {padded([ndc[:a], ndc[a : a + b], ndc[a + b :]]) for a, b, _ in UNHYPHENATED.get(len(ndc), ())}
    return set()


def is_read(ndc: str) -> bool:
    """'The HRI forms 4-6 and 5-5 are read too, and are nobody's.'"""
    hri = re.fullmatch(r"[0-9]+-[0-9]+", ndc) and tuple(map(len, ndc.split("-"))) in HRI
    return bool(readings(ndc) or hri)


def is_watched(read: set[str], watched: tuple[str, ...]) -> bool:
    """'A program also watches products (labeler and product code)'"""
    return any(ndc.rsplit("-", 1)[0] in watched for ndc in read)


def readings_of_gtin(gtin: str) -> set[str]:
    """'of digits 4 to 13 of a GTIN after `03` (a case's, say), read as an unhyphenated NDC'"""
    return readings(gtin[3:13]) if gtin[1:3] == "03" else set()


def product_of(named: dict[str, Any], rows: tuple[Row, ...], watched: tuple[str, ...]) -> Product:
    """'Where the GTIN is a row's or the NDC fits exactly one row, all rules of its program run, whatever the other says; if the two name
    different products or the other cannot be read, with `product_identifiers_disagree`.'"""
    ndc, text = named.get("ndc"), named.get("gtin")
    fitting = [row for row in rows if ndc is not None and row.ndc in readings(ndc)]
    of_gtin = [row for row in rows if text is not None and row.gtin == gtin14(text)]
    if of_gtin:
        return Product(of_gtin[0], () if ndc is None or of_gtin[0] in fitting else ("product_identifiers_disagree",))
    if len(fitting) == 1:
        return Product(fitting[0], () if text is None else ("product_identifiers_disagree",))
    code = code_without_row(ndc, text, fitting, watched)
    return Product(None, (code,) if code else ())


def code_without_row(ndc: str | None, text: str | None, fitting: list[Row], watched: tuple[str, ...]) -> str | None:
    """'Else a GTIN that is wrong in itself gives only `product_identifiers_disagree`, whatever the product. Else only `product_ambiguous`
    where the NDC fits two rows; only `product_unknown` where a reading … is of a watched product, or where the NDC has no reading at all
    and no GTIN stands beside it. Else nobody restricts it: `not_covered`.'"""
    gtin = gtin14(text) if text is not None else None
    if text is not None and gtin is None:
        return "product_identifiers_disagree"
    if len(fitting) > 1:
        return "product_ambiguous"
    read = (readings(ndc) if ndc else set()) | (readings_of_gtin(gtin) if gtin else set())
    unreadable = ndc is not None and text is None and not is_read(ndc)
    return "product_unknown" if unreadable or is_watched(read, watched) else None

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
    """'An NDC is read in every form that it can have: hyphenated …; unhyphenated 10 digits as 4-4-2, 5-3-2 and 5-4-1, 11 as 5-4-2, 12 as 6-4-2'"""
    if re.fullmatch(r"[0-9]+-[0-9]+-[0-9]+", ndc):
        segments = ndc.split("-")
        return {padded(segments)} if tuple(map(len, segments)) in HYPHENATED else set()
    if re.fullmatch(r"[0-9]+", ndc):
        return {padded([ndc[:a], ndc[a:a + b], ndc[a + b:]]) for a, b, _ in UNHYPHENATED.get(len(ndc), ())}
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
    """The four steps of 'Which product', for programs that are in force."""
    ndc, text = named.get("ndc"), named.get("gtin")
    read = readings(ndc) if ndc else set()
    gtin = gtin14(text) if text else None
    by_gtin = [row for row in rows if row.gtin == gtin]
    by_ndc = [row for row in rows if row.ndc in read]
    # 'Where the GTIN is a row's or the NDC fits exactly one row, all rules of its program run, whatever the other says;
    #  if the two name different products or the other cannot be read, with `product_identifiers_disagree`.'
    if by_gtin:
        row = by_gtin[0]
        return Product(row, () if ndc is None or row in by_ndc else ("product_identifiers_disagree",))
    if len(by_ndc) == 1:
        return Product(by_ndc[0], () if text is None else ("product_identifiers_disagree",))
    # 'Else a GTIN that is wrong in itself gives only `product_identifiers_disagree`, whatever the product.'
    if text is not None and gtin is None:
        return Product(None, ("product_identifiers_disagree",))
    # 'Else only `product_ambiguous` where the NDC fits two rows; only `product_unknown` where a reading … is of a watched product,
    #  or where the NDC has no reading at all and no GTIN stands beside it.'
    if len(by_ndc) > 1:
        return Product(None, ("product_ambiguous",))
    if is_watched(read, watched) or (gtin is not None and is_watched(readings_of_gtin(gtin), watched)):
        return Product(None, ("product_unknown",))
    if ndc is not None and not is_read(ndc) and text is None:
        return Product(None, ("product_unknown",))
    # 'Else nobody restricts it: `not_covered`.'
    return Product(None)

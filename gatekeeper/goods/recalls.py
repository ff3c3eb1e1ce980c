"""Whether goods are of a lot that was recalled, whatever the day of the recall: whoever received them must be told. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import UNSET

from gatekeeper.domain.case import Question
from gatekeeper.domain.facts import RecallFact, holding
from gatekeeper.domain.products import Row, ndc_readings, read_product
from gatekeeper.domain.program import Program

Goods = Mapping[str, Any]
"""What is known of goods that left, by member (``as_shipped.goods_gone``)."""


def is_of_product(recall: RecallFact, ndc: str | None, gtin: str | None, programs: tuple[Program, ...]) -> bool:
    """Whether a recall is of goods with these codes."""
    recalled = set(ndc_readings(recall.ndc) or ())
    return any(row.program.name == recall.program and row.package.ndc in recalled for row in _rows(ndc, gtin, programs))


def is_of_goods(recall: RecallFact, goods: Goods, programs: tuple[Program, ...]) -> bool:
    """Whether a recall is of goods that left. What nobody named may be the product recalled, if that is the program's at all."""
    ndc, gtin = (recall.ndc, None) if goods["product"] is UNSET else codes_of(goods)
    return goods["lot"] == recall.lot and is_of_product(recall, ndc, gtin, programs)


def recall_questions(goods: Goods, programs: tuple[Program, ...]) -> list[Question]:
    """Which recalls goods may be of that left: none where nobody named their lot, those of every program where nobody named the product."""
    if goods["lot"] is UNSET:
        return []
    named = goods["product"] is not UNSET
    names = {row.program.name for row in _rows(*codes_of(goods), programs)} if named else {program.name for program in programs}
    return [("recall", name, goods["lot"]) for name in sorted(names)]


def recall_of(facts: Sequence[RecallFact], goods: Goods, programs: tuple[Program, ...]) -> RecallFact | None:
    """The recall, of all ``facts`` about their lot, that goods are of which left; None where there is none, or it was lifted."""
    readings = {fact: set(ndc_readings(fact.ndc) or ()) for fact in facts if is_of_goods(fact, goods, programs)}
    products = sorted({reading for several in readings.values() for reading in several})
    last = [holding([fact for fact in readings if product in readings[fact]], date.max) for product in products]
    return next((recall for recall in last if recall is not None and recall.status == "recalled"), None)


def codes_of(goods: Goods) -> tuple[str | None, str | None]:
    """NDC and GTIN, as far as they were named."""
    product = goods["product"]
    if product is UNSET:
        return None, None
    return (None if product.ndc is UNSET else product.ndc), (None if product.gtin is UNSET else product.gtin)


def _rows(ndc: str | None, gtin: str | None, programs: tuple[Program, ...]) -> tuple[Row, ...]:
    reading = read_product(ndc, gtin, programs)
    return (*reading.gtin_rows, *reading.ndc_rows)

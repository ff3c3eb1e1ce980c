"""Products and addresses however they are written: the product reads them as the second formulation does."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.product import ask, known_of
from tests.oracle import addresses
from tests.oracle.answering import answer
from tests.oracle.history import History
from tests.oracle.registry import LEMTRADA, Program
from tests.worlds import TWO_PACKAGES
from tests.writings import COVERED, COVERED_AND_DISAGREEING, UNCOVERED, Dice

AT = datetime.fromisoformat("2026-11-20T15:00:00Z")
NAMED = COVERED + COVERED_AND_DISAGREEING + UNCOVERED + [{"ndc": "58468-0020-1"}, {"gtin": "00358468002013"}, {"ndc": "5846-8020-01"}]
DICE = st.randoms(use_true_random=True).map(Dice)
WORDS = [
    "100",
    "4",
    "4A",
    "A",
    "St",
    "street",
    "Key",
    "KY",
    "N",
    "North",
    "N.W.",
    "U.S.A.",
    "A.B",
    "1.A",
    "AB.C",
    "Ste",
    "Suite",
    "Apt",
    "unit",
    "Rm.",
    "Fl",
    "Floor",
    "Hanger",
    "State",
    "Route",
    "RT",
    "É",
    "E\u0301",
    "ß",
    "SS",
    "1 2",
    "i",
    "\u0130",
]
SIGNS = [
    "#",
    "_",
    "&",
    "'",
    "\N{RIGHT SINGLE QUOTATION MARK}",
    "\N{MODIFIER LETTER APOSTROPHE}",
    ".",
    ",",
    "/",
    "-",
    "\u00a0",
    "\u0663",
    "\N{VULGAR FRACTION ONE HALF}",
    "\N{SUPERSCRIPT TWO}",
    "\N{MASCULINE ORDINAL INDICATOR}",
    "\u4e2d",
    "\u2163",
]
PIECES = WORDS + SIGNS


def order(number: int, **members: Any) -> dict[str, Any]:
    """An order of one line."""
    line = {"line": 1, "quantity": 1, "product": members.get("product", {"ndc": "58468-0200-1"})}
    address = {"street": "1 Main St", "city": "B", "state": "MA", "postal_code": "02110"}
    ship_to = members.get("ship_to", {"rems_site_id": "HF1", "address": address})
    return {
        "order_id": f"SO-{number}",
        "wholesaler_id": "WD-1",
        "ordered_at": "2026-11-20T10:00:00Z",
        "ship_on": "2026-11-20",
        "ship_from": {"site_id": "DC-07"},
        "ship_to": ship_to,
        "lines": [line],
    }


def edited(dice: Dice, text: str) -> str:
    """The text with at most two signs more, less or other."""
    for _ in range(dice.pick([0, 1, 1, 2])):
        at, sign = dice.number(0, len(text)), dice.pick("0123456789-- A")
        text = dice.pick([text[:at] + sign + text[at:], text[:at] + text[at + 1 :], text[:at] + sign + text[at + 1 :]]) or "0"
    return text


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where registry files stand while they are read."""
    return tmp_path_factory.mktemp("readings")


@settings(max_examples=200)
@given(dice=DICE, program=st.sampled_from([LEMTRADA, TWO_PACKAGES]))
def test_products_are_read_alike(folder: Path, dice: Dice, program: Program) -> None:
    """NDC and GTIN in every form, and a sign away from it."""
    orders = [order(n, product={kind: edited(dice, text) for kind, text in dice.pick(NAMED).items()}) for n in range(20)]

    got = ask(known_of(folder, [], AT, program), [json.dumps(message).encode() for message in orders], AT, program)

    assert [answered.lines for answered in got] == [answer(message, [], AT, History(), program) for message in orders]


@settings(max_examples=200)
@given(dice=DICE)
def test_addresses_agree_alike(folder: Path, dice: Dice) -> None:
    """Words, signs and accents in any order, against the same with one piece changed or written otherwise."""
    pieces = [dice.pick(PIECES) + dice.pick(["", " "]) for _ in range(dice.number(1, 5))]
    on_file = {"street": "".join(pieces), "city": "B", "state": "MA", "postal_code": dice.pick(["02110", "02110-1234", "2110"])}
    orders = []
    for number in range(10):
        changed = list(pieces)
        changed[dice.number(0, len(pieces) - 1)] = dice.pick([*PIECES, changed[0]])
        street = "".join(dice.pick([pieces, pieces, changed]))
        written = {"street": dice.pick([street, street.upper(), street.lower(), street.replace(".", " "), street + " "])}
        postal_code = dice.pick(["02110", "02110", "021101234", "2110", "02110 ", "0 2110"])
        orders.append(order(number, ship_to={"rems_site_id": "FZ", "address": on_file | written | {"postal_code": postal_code}}))
    site = {
        "fact": "site",
        "program": "lemtrada",
        "sequence": 1,
        "effective_on": "2026-01-01",
        "site_id": "FZ",
        "class": "pharmacy",
        "status": "pending",
        "address": on_file,
    }

    got = ask(known_of(folder, [site], AT, LEMTRADA), [json.dumps(message).encode() for message in orders], AT, LEMTRADA)

    disagrees = ["site_address_disagrees" in answered.lines[0].codes for answered in got]
    assert disagrees == [not addresses.agree(message["ship_to"]["address"], on_file) for message in orders]

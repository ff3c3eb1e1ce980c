"""One thing written in many ways, as order systems and registries do: addresses, NDC, GTIN, orders."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

NDC_FORMS = (
    "58468-0200-1",
    "58468-0200-01",
    "58468-200-01",
    "058468-0200-01",
    "058468-0200-1",
    "058468-200-01",
    "5846802001",
    "5846820001",
    "58468020001",
    "058468020001",
)
GTIN_FORMS = ("00358468020017", "0358468020017", "358468020017")
COVERED = (
    [{"ndc": ndc} for ndc in NDC_FORMS]
    + [{"gtin": gtin} for gtin in GTIN_FORMS]
    + [{"ndc": NDC_FORMS[0], "gtin": GTIN_FORMS[0]}, {"ndc": NDC_FORMS[6], "gtin": GTIN_FORMS[2]}]
)
COVERED_AND_DISAGREEING = [
    {"ndc": "58468-0200-1", "gtin": "00358468035714"},
    {"ndc": "58468-0200-1", "gtin": "50358468020012"},
    {"ndc": "58468-0200-1", "gtin": "00358468020018"},
    {"ndc": "58468-0200-1", "gtin": "n/a"},
    {"ndc": "n/a", "gtin": "00358468020017"},
    {"ndc": "00093-7180-56", "gtin": "00358468020017"},
    {"ndc": "58468-02001", "gtin": "00358468020017"},
    {"ndc": "58468-0200-2", "gtin": "358468020017"},
]
UNCOVERED = [
    {"ndc": "58468-0200-2"},
    {"ndc": "058468020099"},
    {"gtin": "00358468020024"},
    {"gtin": "50358468020012"},
    {"ndc": "LEMTRADA"},
    {"ndc": "58468-02-001"},
    {"ndc": "00093-7180-56", "gtin": "50358468020012"},
    {"ndc": "58468-0200-2", "gtin": "00300937180562"},
    {"ndc": "n/a", "gtin": "00300937180563"},
    {"gtin": "58468020016"},
    {"gtin": "000358468020017"},
    {"ndc": "00093-7180-56", "gtin": "00300937180563"},
    {"ndc": "n/a", "gtin": "00300937180562"},
    {"ndc": "05846802001"},
    {"ndc": "00093-7180-56"},
    {"ndc": "00093718056"},
    {"ndc": "58468-02001"},
    {"ndc": "0093-718056"},
    {"ndc": "58468-0357-1"},
    {"gtin": "00358468035714"},
    {"gtin": "96385074"},
    {"gtin": "012345678905"},
    {"ndc": "\u0665\u0668468-0200-1"},
]

WORDS = {
    "Street": ("Street", "St", "ST.", "Str"),
    "Avenue": ("Avenue", "Ave", "AVE."),
    "North": ("North", "N", "N."),
    "Northwest": ("Northwest", "NW", "N.W."),
    "Road": ("Road", "Rd", "rd."),
    "Suite": ("Suite", "Ste", "STE.", "Unit", "Apt", "Rm", "#", "Suite #"),
    "12-14": ("12-14", "12 14", "12/14"),
    "Mary's": ("Mary's", "Marys", "MARY\N{RIGHT SINGLE QUOTATION MARK}S"),
    "Peñón": ("Peñón", "Penon", "PEN\u0303ÓN"),
    "Floor": ("Floor", "Fl", "FL."),
}


@dataclass(frozen=True)
class Dice:
    """Choices, from one source of chance."""

    random: Random

    def pick(self, among: Sequence[T]) -> T:
        """One of these, each as likely."""
        return self.random.choice(among)

    def shuffled(self, among: Sequence[T]) -> list[T]:
        """All of these in some order."""
        return self.random.sample(among, len(among))

    def number(self, lowest: int, highest: int) -> int:
        """A whole number between, both included."""
        return self.random.randint(lowest, highest)

    def coin(self) -> bool:
        """True every other time."""
        return self.random.random() < 0.5

    def seldom(self, one_in: int) -> bool:
        """True once in so many times."""
        return self.random.random() < 1 / one_in


def written_address(dice: Dice, address: dict[str, str]) -> dict[str, str]:
    """The same address in another writing."""
    texts = {
        member: " ".join(dice.pick(WORDS.get(word, (word,))) for word in address[member].split())
        for member in ("street", "street2")
        if member in address
    }
    if "street2" in texts and dice.coin():
        texts = {"street": f"{texts['street']}{dice.pick([' ', ', ', ' - '])}{texts['street2']}"}
    cased = {member: dice.pick([text, text.upper(), text.lower()]) for member, text in texts.items()}
    postal_code = dice.pick([address["postal_code"], address["postal_code"] + "-1234"])
    return cased | {"city": dice.pick(["Boston", "BOSTON", "Elsewhere"]), "state": "MA", "postal_code": postal_code}


def written_order(dice: Dice, order: dict[str, Any]) -> dict[str, Any]:
    """The same content in another writing: members in another order, defaults told, empty members that count as not given."""
    again = copy.deepcopy(order)
    if again.get("revision", 1) == 1:
        again.pop("revision", None)
    if dice.coin():
        again.setdefault("revision", 1)
    if dice.coin():
        again["ship_to"].setdefault("name", "")
        again["lines"][0].setdefault("lot", "")
    for line in again["lines"]:
        if line["product"] in COVERED + COVERED_AND_DISAGREEING and line.get("unit", "vial") == "vial":
            line.pop("unit", None)
            if dice.coin():
                line["unit"] = "vial"
    return dict(dice.shuffled(list(again.items())))

"""Orders of a small world: most may leave, the others are one fault away from it."""

import copy
from collections.abc import Callable
from datetime import date
from typing import Any

from tests.world_facts import ADDRESSES, AUTHORIZATIONS, IDENTIFIERS, days
from tests.writings import COVERED, COVERED_AND_DISAGREEING, UNCOVERED, Dice, written_address, written_order

Order = dict[str, Any]


def covered_lines(dice: Dice, authorization_id: str, today: date) -> dict[str, Any]:
    """A line that may leave, if the registry says nothing against it."""
    patient_id, prescriber_id, site_id = AUTHORIZATIONS[authorization_id]
    quantity = dice.pick([1, 2, 1, 3])
    line: dict[str, Any] = {
        "product": dice.pick(COVERED),
        "quantity": quantity,
        "patient": {
            "patient_id": patient_id,
            "authorization_id": authorization_id,
            "prescriber_id": prescriber_id,
            "administering_site_id": site_id,
        },
    }
    for member in ("prescriber_id", "administering_site_id"):
        if dice.seldom(5):
            del line["patient"][member]
    if dice.coin():
        line["unit"] = "vial"
    if dice.coin():
        line["lot"] = dice.pick(["L-1", "L-1", "L-1", "L-1", "L-2", "L-3"])
    if dice.coin():
        line["expires_on"] = dice.pick(days(today, 4, 3, 2, 1, 0, -1) if dice.seldom(5) else days(today, 90))
    if dice.seldom(3):
        line["serials"] = [f"S{n}" for n in dice.shuffled(range(1, 13))[:quantity]]
    return line


LINE_FAULTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no patient": lambda line: line.pop("patient"),
    "no patient id": lambda line: line["patient"].pop("patient_id"),
    "unknown patient": lambda line: line["patient"].update(patient_id="P-404"),
    "other patient": lambda line: line["patient"].update(patient_id="P-2" if line["patient"]["patient_id"] == "P-1" else "P-1"),
    "no authorization": lambda line: line["patient"].pop("authorization_id"),
    "unknown authorization": lambda line: line["patient"].update(authorization_id="AU-404"),
    "nothing but a patient": lambda line: line.update(patient={"patient_id": "P-1"}),
    "other administering site": lambda line: line["patient"].update(administering_site_id="HF2"),
    "administered by a pharmacy": lambda line: line["patient"].update(administering_site_id="PH2"),
    "other prescriber": lambda line: line["patient"].update(prescriber_id="PR-2"),
    "unknown prescriber": lambda line: line["patient"].update(prescriber_id="PR-404"),
    "too many": lambda line: line.update(quantity=9),
    "a serial short": lambda line: line.update(serials=["S1", "S2"], quantity=3),
    "no serials": lambda line: line.update(serials=[]),
    "unknown unit": lambda line: line.update(unit="carton"),
    "a unit in capitals": lambda line: line.update(unit="VIAL"),
    "empty members": lambda line: line.update(lot="", unit="", expires_on=""),
}


def lines(dice: Dice, authorization_id: str, today: date) -> dict[str, Any]:
    """A line: one that may leave, one with a fault, or a product that no table has."""
    line = covered_lines(dice, authorization_id, today)
    if dice.seldom(7):
        LINE_FAULTS[dice.pick(sorted(LINE_FAULTS))](line)
    elif dice.seldom(20):
        line["product"] = dice.pick(COVERED_AND_DISAGREEING)
    elif dice.seldom(8):
        line["product"] = dice.pick(UNCOVERED)
    return line


def recipients(dice: Dice, site_id: str, wholesaler_id: str) -> dict[str, Any]:
    """Whom an order is shipped to: the site by its id, or by identifiers, all its own."""
    own = {kind: values[0] for kind, values in IDENTIFIERS[site_id].items() if kind != "account"}
    accounts = [account.split(":")[1] for account in IDENTIFIERS[site_id].get("account", []) if account.startswith(wholesaler_id + ":")]
    everything = own | ({"account": accounts[0]} if accounts else {})
    chosen = dice.shuffled(sorted(everything))[: dice.number(0, len(everything))]
    named = {kind: everything[kind] for kind in chosen}
    if not named or dice.coin():
        named["rems_site_id"] = site_id
    return named | {"address": written_address(dice, ADDRESSES[site_id])}


ORDER_FAULTS: dict[str, dict[str, Any]] = {
    "unknown id": {"rems_site_id": "HF-404"},
    "id of another program": {"rems_site_id": "XX1"},
    "id of another site": {"rems_site_id": "PH2"},
    "unknown NPI": {"npi": "1710983663"},
    "wrong NPI": {"npi": "1234567894"},
    "NPI of another site": {"npi": "1366404451"},
    "wrong DEA": {"dea": "AP5836728"},
    "DEA of a business": {"dea": "F91234563"},
    "GLN of another site": {"gln": "0614141000043"},
    "wrong GLN": {"gln": "0614141000028"},
    "GLN of 14 digits": {"gln": "00614141000029"},
    "account of nobody": {"account": "99999"},
    "account of two": {"account": "777"},
    "unknown HIN": {"hin": "no HIN"},
    "shared NCPDP id": {"ncpdp_id": "3112345"},
    "empty id": {"rems_site_id": "", "npi": "1234567893"},
    "only an unknown NPI": {"only": {"npi": "1710983663"}},
    "only an NPI of another program": {"only": {"npi": "1679576722"}},
    "only a shared account": {"only": {"account": "777"}},
    "only a shared NPI": {"only": {"npi": "1234567893"}},
    "NPI and GLN of two sites": {"only": {"npi": "1999999984", "gln": "0614141000029"}},
    "other ZIP": {"address": {"street": "100 Main St", "street2": "Ste 4", "city": "Boston", "state": "MA", "postal_code": "02111"}},
    "no suite": {"address": {"street": "100 Main St", "city": "Boston", "state": "MA", "postal_code": "02110"}},
}


def new_orders(dice: Dice, number: int, today: date) -> Order:
    """An order of its own, with one site, one to three lines, and seldom a fault."""
    authorization_id = dice.pick(sorted(AUTHORIZATIONS))
    own, seldom_shipped = AUTHORIZATIONS[authorization_id][2], dice.pick(["PH1", "IN1", "WH1"])
    site_id = dice.pick([own, own, own, own, own, own, "PH1", "PH1", "PH1", "PH2", seldom_shipped])
    wholesaler_id = dice.pick(["WD-1", "WD-1", "WD-2"])
    ship_to = recipients(dice, site_id, wholesaler_id)
    if dice.seldom(7):
        fault = ORDER_FAULTS[dice.pick(sorted(ORDER_FAULTS))]
        ship_to = fault["only"] | {"address": ship_to["address"]} if "only" in fault else ship_to | fault
    ordered = [lines(dice, authorization_id, today) for _ in range(dice.pick([1, 1, 2, 3]))]
    order: Order = {
        "order_id": f"SO-{number}",
        "wholesaler_id": wholesaler_id,
        "ordered_at": "2026-01-02T10:00:00-05:00",
        "ship_on": dice.pick(days(today, 0, 1, 2, 3, -1, -7, -8) if dice.seldom(3) else days(today, 0, 1)),
        "ship_from": {"site_id": "DC-07"},
        "ship_to": ship_to,
        "lines": [{"line": n} | line for n, line in enumerate(ordered, 1)],
    }
    if dice.seldom(6):
        order["revision"] = 2
    if dice.coin():
        order["deliver_by"] = dice.pick(days(today, 1, 2, 3, 0, -1))
    if dice.seldom(30):
        order["ship_from"]["gln"] = dice.pick(["0614141000012", "0614141000013", "DC 07"])
    return order


def related_orders(dice: Dice, earlier: list[Order], number: int, today: date) -> Order:
    """An order about one that came before: a repeat, a contradiction, another revision, or the same id at another wholesaler."""
    order = copy.deepcopy(dice.pick(earlier))
    revision = order.get("revision", 1)
    kind = dice.pick(["repeat", "contradiction", "higher", "lower", "rewritten", "wholesaler"])
    if kind == "repeat":
        return written_order(dice, order)
    if kind == "contradiction":
        order["lines"][0]["quantity"] = dice.pick([1, 4])
    elif kind == "higher":
        order["revision"] = revision + dice.number(1, 2)
    elif kind == "lower":
        order["revision"] = max(1, revision - 1)
        order["ship_on"] = today.isoformat()
    elif kind == "rewritten":
        new = new_orders(dice, number, today)
        order = new | {"order_id": order["order_id"], "wholesaler_id": order["wholesaler_id"], "revision": revision + 1}
    else:
        order["wholesaler_id"] = "WD-2" if order["wholesaler_id"] == "WD-1" else "WD-1"
    return order

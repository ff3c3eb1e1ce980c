"""Small worlds: what a registry says, and a sequence of orders, most of them one step away from what may leave."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.oracle.products import Row
from tests.oracle.registry import LEMTRADA, Program
from tests.writings import COVERED, COVERED_AND_DISAGREEING, UNCOVERED, Dice, written_address, written_order

Fact = dict[str, Any]
Order = dict[str, Any]
INSTANTS = [datetime.fromisoformat(text) for text in (
    "2026-11-20T15:00:00+00:00", "2026-11-21T04:59:59.999999+00:00", "2026-11-21T05:00:00+00:00", "2026-07-02T04:00:00+00:00",
    "2026-03-08T07:00:00+00:00", "2026-11-01T05:30:00+00:00", "2028-02-29T12:00:00-05:00", "2026-02-28T23:30:00-05:00",
    "2027-01-01T00:30:00+00:00")]
ADDRESSES = {
    "HF1": {"street": "100 Main Street", "street2": "Suite 4", "city": "Boston", "state": "MA", "postal_code": "02110"},
    "HF2": {"street": "200 North Harbor Road", "city": "Boston", "state": "MA", "postal_code": "02128"},
    "PH1": {"street": "12-14 Mary's Avenue Northwest", "street2": "Floor 2", "city": "Newark", "state": "NJ", "postal_code": "07102"},
    "PH2": {"street": "7 Calle Peñón", "city": "Reno", "state": "NV", "postal_code": "89501"},
    "IN1": {"street": "5 Oak Street", "city": "Denver", "state": "CO", "postal_code": "80202"},
    "WH1": {"street": "1 Depot Way", "city": "Memphis", "state": "TN", "postal_code": "38103"}}
IDENTIFIERS: dict[str, dict[str, list[str]]] = {
    "HF1": {"npi": ["1234567893"], "gln": ["0614141000029"], "account": ["WD-1:10023", "WD-2:555"]},
    "HF2": {"npi": ["1234567893", "1043218118"], "account": ["WD-1:777"], "hin": ["5L2A3B4C5"]},
    "PH1": {"npi": ["1999999984"], "dea": ["AP5836727"], "ncpdp_id": ["3112345"], "account": ["WD-1:20001"]},
    "PH2": {"npi": ["1366404451"], "ncpdp_id": ["3112345"], "account": ["WD-1:777"]},
    "IN1": {"npi": ["1245319599"]},
    "WH1": {"gln": ["0614141000043"]}}
CLASSES = {"HF1": "healthcare_facility", "HF2": "healthcare_facility", "PH1": "pharmacy", "PH2": "pharmacy", "IN1": "inpatient_pharmacy",
           "WH1": "wholesaler"}
ELSEWHERE = {"XX1": ["1679576722"]}     # a site that only another program knows
AUTHORIZATIONS = {"AU-1": ("P-1", "PR-1", "HF1"), "AU-2": ("P-2", "PR-1", "HF2"), "AU-3": ("P-1", "PR-2", "HF1")}
TWO_PACKAGES = replace(LEMTRADA, rows=(*LEMTRADA.rows, Row("058468-0020-01", "00358468002013")))     # both fit 5846802001
STATUSES = ["certified", "pending", "suspended", "decertified", "withdrawn"]


@dataclass(frozen=True)
class World:
    """Facts, perhaps with a header before them, an instant, orders in the order in which they arrive, and the packages of the program."""

    facts: list[Fact]
    at: datetime
    orders: list[Order]
    program: Program = LEMTRADA


def days(today: date, *offsets: int) -> list[str]:
    """Days near today."""
    return [(today + timedelta(days=offset)).isoformat() for offset in offsets]


def two_years_before(today: date, offset: int) -> str:
    """A day whose second anniversary is near; where it does not exist, the last of February."""
    near = today + timedelta(days=offset)
    return date(near.year - 2, near.month, min(near.day, 28) if near.month == 2 else near.day).isoformat()


def turns(today: date) -> list[Fact]:
    """What may have become of a site that was certified: each status, each bound of a date, other things on file."""
    def on(offset: int) -> str:
        return (today + timedelta(days=offset)).isoformat()

    dates: list[Fact] = [
        {"valid_through": on(-1)}, {"valid_through": on(0)}, {"valid_through": on(1)}, {"valid_through": on(2)}, {"certified_on": on(1)},
        {"certified_on": on(0)}, {"certified_on": two_years_before(today, 0)}, {"certified_on": two_years_before(today, 1)},
        {"certified_on": two_years_before(today, 2)}, {"certified_on": "2024-02-29"}, {"certified_on": on(1), "valid_through": on(0)}]
    kept: list[Fact] = [{"identifiers": {}}, {"identifiers": IDENTIFIERS["PH2"]}, {"identifiers": IDENTIFIERS["HF1"]}, {"address": None},
                        {"address": ADDRESSES["PH2"]}, {"class": "dispensing_prescriber"}]
    return dates + kept + [{"status": status} for status in STATUSES]


def site_facts(dice: Dice, site_id: str, today: date, *, turned: bool) -> list[Fact]:
    """What a program says of a site: certified and nothing else, or one or two turns after it, or instead."""
    lasting = {"fact": "site", "effective_on": "2020-01-01", "site_id": site_id, "class": CLASSES[site_id], "status": "certified",
               "certified_on": (today - timedelta(days=100)).isoformat(), "address": written_address(dice, ADDRESSES[site_id]),
               "identifiers": IDENTIFIERS[site_id]}
    if not turned:
        return [lasting]
    later = [lasting | dice.pick(turns(today)) | {"effective_on": dice.pick(days(today, -30, 0, 1, 2, -1))}
             for _ in range(dice.number(1, 2))]
    facts = [{member: value for member, value in fact.items() if value is not None} for fact in [lasting, *later]]
    return facts[1:] if dice.seldom(4) else facts


def party_facts(dice: Dice, today: date) -> list[Fact]:
    """Patients, prescribers and authorizations."""
    facts: list[Fact] = []
    for patient_id in ("P-1", "P-2"):
        facts.append({"fact": "patient", "effective_on": "2020-01-01", "patient_id": patient_id, "status": "enrolled"})
        if dice.seldom(12):
            facts.append(facts[-1] | {"effective_on": dice.pick(days(today, 0, 1, -1)), "status": dice.pick(["withdrawn", "enrolled"])})
    for prescriber_id in ("PR-1", "PR-2"):
        facts.append({"fact": "prescriber", "effective_on": "2020-01-01", "prescriber_id": prescriber_id, "status": "certified"})
        if dice.seldom(12):
            facts.append(facts[-1] | {"effective_on": dice.pick(days(today, 0, 1, -1)), "status": dice.pick(["decertified", "certified"])})
    for authorization_id, (patient_id, prescriber_id, site_id) in AUTHORIZATIONS.items():
        fact = {"fact": "authorization", "effective_on": "2020-01-01", "authorization_id": authorization_id, "status": "authorized",
                "patient_id": patient_id, "prescriber_id": prescriber_id, "administering_site_id": site_id, "units": dice.pick([12, 8, 5]),
                "valid_from": dice.pick(days(today, -9, 0, 1) if dice.seldom(14) else days(today, -9)),
                "valid_through": dice.pick(days(today, 20, 0, -1) if dice.seldom(14) else days(today, 20))}
        facts.append(fact)
        if dice.seldom(12):
            facts.append(fact | {"effective_on": dice.pick(days(today, 0, 1, -1)), "status": dice.pick(["cancelled", "authorized"]),
                                 "units": dice.pick([3, 9]), "prescriber_id": dice.pick(["PR-2", prescriber_id])})
    return facts


def program_facts(dice: Dice, today: date) -> list[Fact]:
    """Recalls, written in several forms, and modes."""
    ndcs = ["58468-0200-1", "5846802001", "58468020001", "058468-0200-01", "58468-0357-1", "n/a", "58468-02001"]
    recalls = [{"fact": "recall", "effective_on": dice.pick(days(today, -3, 0, 1)), "lot": dice.pick(["L-2", "L-3"]),
                "ndc": dice.pick(ndcs), "status": dice.pick(["recalled", "recalled", "lifted"])} for _ in range(dice.number(0, 3))]
    modes = [{"fact": "program", "effective_on": dice.pick(days(today, -1, 0, 0, 1)),
              "mode": dice.pick(["discretion", "discretion", "discretion", "ended", "active"])} for _ in range(dice.number(1, 2))]
    return recalls + (modes if dice.seldom(5) else [])


def registries(dice: Dice, at: datetime, today: date) -> list[Fact]:
    """The facts of a world; with a header it is a snapshot of the one program, perhaps with a heartbeat in it."""
    turned = dice.pick([(), (), (), (), ("HF1",), ("HF2",), ("PH1",), ("HF1", "PH2"), tuple(CLASSES)])
    facts = [fact for site_id in CLASSES for fact in site_facts(dice, site_id, today, turned=site_id in turned)]
    facts += party_facts(dice, today) + program_facts(dice, today)
    header = dice.seldom(6)
    if header and dice.coin():
        facts.append({"fact": "heartbeat", "as_of": instants_before(dice, at)})
    sequences = dice.shuffled(range(1, len(facts) + 1))
    numbered = [{"program": "lemtrada", "sequence": n} | fact for n, fact in zip(sequences, facts, strict=True)]
    if header:
        return [{"snapshot": "lemtrada", "sequence": len(facts), "as_of": instants_before(dice, at, ahead=False)}, *numbered]
    return numbered + [
        {"fact": "site", "program": "isotretinoin", "sequence": n, "effective_on": dice.pick(days(today, -9, -9, 0, 1)), "site_id": site_id,
         "class": "pharmacy", "status": "certified", "certified_on": "2026-01-01", "address": ADDRESSES["IN1"], "identifiers": {"npi": npi}}
        for n, (site_id, npi) in enumerate(ELSEWHERE.items(), 1)]


def instants_before(dice: Dice, at: datetime, *, ahead: bool = True) -> str:
    """An `as_of` at the bounds of what is fresh, and of what lies too far ahead."""
    minutes = timedelta(minutes=1)
    spans = [timedelta(0), -60 * minutes, timedelta(days=-1), timedelta(days=-1, microseconds=-1), timedelta(days=-3), 5 * minutes]
    instant = at + dice.pick(spans + [5 * minutes + timedelta(microseconds=1)] * ahead)
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def covered_lines(dice: Dice, authorization_id: str, today: date) -> dict[str, Any]:
    """A line that may leave, if the registry says nothing against it."""
    patient_id, prescriber_id, site_id = AUTHORIZATIONS[authorization_id]
    quantity = dice.pick([1, 2, 1, 3])
    line: dict[str, Any] = {"product": dice.pick(COVERED), "quantity": quantity, "patient": {
        "patient_id": patient_id, "authorization_id": authorization_id, "prescriber_id": prescriber_id, "administering_site_id": site_id}}
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
    chosen = dice.shuffled(sorted(everything))[:dice.number(0, len(everything))]
    named = {kind: everything[kind] for kind in chosen}
    if not named or dice.coin():
        named["rems_site_id"] = site_id
    return named | {"address": written_address(dice, ADDRESSES[site_id])}


ORDER_FAULTS: dict[str, dict[str, Any]] = {
    "unknown id": {"rems_site_id": "HF-404"}, "id of another program": {"rems_site_id": "XX1"},
    "id of another site": {"rems_site_id": "PH2"},
    "unknown NPI": {"npi": "1710983663"}, "wrong NPI": {"npi": "1234567894"}, "NPI of another site": {"npi": "1366404451"},
    "wrong DEA": {"dea": "AP5836728"}, "DEA of a business": {"dea": "F91234563"},
    "GLN of another site": {"gln": "0614141000043"}, "wrong GLN": {"gln": "0614141000028"},
    "GLN of 14 digits": {"gln": "00614141000029"}, "account of nobody": {"account": "99999"}, "account of two": {"account": "777"},
    "unknown HIN": {"hin": "no HIN"}, "shared NCPDP id": {"ncpdp_id": "3112345"}, "empty id": {"rems_site_id": "", "npi": "1234567893"},
    "only an unknown NPI": {"only": {"npi": "1710983663"}}, "only an NPI of another program": {"only": {"npi": "1679576722"}},
    "only a shared account": {"only": {"account": "777"}}, "only a shared NPI": {"only": {"npi": "1234567893"}},
    "NPI and GLN of two sites": {"only": {"npi": "1999999984", "gln": "0614141000029"}},
    "other ZIP": {"address": {"street": "100 Main St", "street2": "Ste 4", "city": "Boston", "state": "MA", "postal_code": "02111"}},
    "no suite": {"address": {"street": "100 Main St", "city": "Boston", "state": "MA", "postal_code": "02110"}}}


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
    order: Order = {"order_id": f"SO-{number}", "wholesaler_id": wholesaler_id, "ordered_at": "2026-01-02T10:00:00-05:00",
             "ship_on": dice.pick(days(today, 0, 1, 2, 3, -1, -7, -8) if dice.seldom(3) else days(today, 0, 1)),
             "ship_from": {"site_id": "DC-07"}, "ship_to": ship_to,
             "lines": [{"line": n} | line for n, line in enumerate(ordered, 1)]}
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


def world(dice: Dice, max_orders: int) -> World:
    """A registry, an instant, and one to six orders."""
    at = dice.pick(INSTANTS)
    today = at.astimezone(ZoneInfo("America/New_York")).date()
    facts = registries(dice, at, today)
    orders: list[Order] = []
    for number in range(1, dice.number(1, max_orders) + 1):
        related = bool(orders) and dice.seldom(3)
        orders.append(related_orders(dice, orders, number, today) if related else new_orders(dice, number, today))
    return World(facts, at, orders, TWO_PACKAGES if dice.seldom(12) else LEMTRADA)


def worlds(max_orders: int = 6) -> st.SearchStrategy[World]:
    """Worlds by seed: every reason is met about as often as it is meant to be, which drawing one by one does not give."""
    return st.randoms(use_true_random=True).map(lambda random: world(Dice(random), max_orders))

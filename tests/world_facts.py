"""What a registry says in a small world: mostly what lets a line leave, and each bound of it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.writings import Dice, written_address

Fact = dict[str, Any]
ADDRESSES = {
    "HF1": {"street": "100 Main Street", "street2": "Suite 4", "city": "Boston", "state": "MA", "postal_code": "02110"},
    "HF2": {"street": "200 North Harbor Road", "city": "Boston", "state": "MA", "postal_code": "02128"},
    "PH1": {"street": "12-14 Mary's Avenue Northwest", "street2": "Floor 2", "city": "Newark", "state": "NJ", "postal_code": "07102"},
    "PH2": {"street": "7 Calle Peñón", "city": "Reno", "state": "NV", "postal_code": "89501"},
    "IN1": {"street": "5 Oak Street", "city": "Denver", "state": "CO", "postal_code": "80202"},
    "WH1": {"street": "1 Depot Way", "city": "Memphis", "state": "TN", "postal_code": "38103"},
}
IDENTIFIERS: dict[str, dict[str, list[str]]] = {
    "HF1": {"npi": ["1234567893"], "gln": ["0614141000029"], "account": ["WD-1:10023", "WD-2:555"]},
    "HF2": {"npi": ["1234567893", "1043218118"], "account": ["WD-1:777"], "hin": ["5L2A3B4C5"]},
    "PH1": {"npi": ["1999999984"], "dea": ["AP5836727"], "ncpdp_id": ["3112345"], "account": ["WD-1:20001"]},
    "PH2": {"npi": ["1366404451"], "ncpdp_id": ["3112345"], "account": ["WD-1:777"]},
    "IN1": {"npi": ["1245319599"]},
    "WH1": {"gln": ["0614141000043"]},
}
CLASSES = {
    "HF1": "healthcare_facility",
    "HF2": "healthcare_facility",
    "PH1": "pharmacy",
    "PH2": "pharmacy",
    "IN1": "inpatient_pharmacy",
    "WH1": "wholesaler",
}
ELSEWHERE = {"XX1": ["1679576722"]}  # a site that only another program knows
AUTHORIZATIONS = {"AU-1": ("P-1", "PR-1", "HF1"), "AU-2": ("P-2", "PR-1", "HF2"), "AU-3": ("P-1", "PR-2", "HF1")}
STATUSES = ["certified", "pending", "suspended", "decertified", "withdrawn"]


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
        {"valid_through": on(-1)},
        {"valid_through": on(0)},
        {"valid_through": on(1)},
        {"valid_through": on(2)},
        {"certified_on": on(1)},
        {"certified_on": on(0)},
        {"certified_on": two_years_before(today, 0)},
        {"certified_on": two_years_before(today, 1)},
        {"certified_on": two_years_before(today, 2)},
        {"certified_on": "2024-02-29"},
        {"certified_on": on(1), "valid_through": on(0)},
    ]
    kept: list[Fact] = [
        {"identifiers": {}},
        {"identifiers": IDENTIFIERS["PH2"]},
        {"identifiers": IDENTIFIERS["HF1"]},
        {"address": None},
        {"address": ADDRESSES["PH2"]},
        {"class": "dispensing_prescriber"},
    ]
    return dates + kept + [{"status": status} for status in STATUSES]


def site_facts(dice: Dice, site_id: str, today: date, *, turned: bool) -> list[Fact]:
    """What a program says of a site: certified and nothing else, or one or two turns after it, or instead."""
    lasting = {
        "fact": "site",
        "effective_on": "2020-01-01",
        "site_id": site_id,
        "class": CLASSES[site_id],
        "status": "certified",
        "certified_on": (today - timedelta(days=100)).isoformat(),
        "address": written_address(dice, ADDRESSES[site_id]),
        "identifiers": IDENTIFIERS[site_id],
    }
    if not turned:
        return [lasting]
    later = [
        lasting | dice.pick(turns(today)) | {"effective_on": dice.pick(days(today, -30, 0, 1, 2, -1))} for _ in range(dice.number(1, 2))
    ]
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
        fact = {
            "fact": "authorization",
            "effective_on": "2020-01-01",
            "authorization_id": authorization_id,
            "status": "authorized",
            "patient_id": patient_id,
            "prescriber_id": prescriber_id,
            "administering_site_id": site_id,
            "units": dice.pick([12, 8, 5]),
            "valid_from": dice.pick(days(today, -9, 0, 1) if dice.seldom(14) else days(today, -9)),
            "valid_through": dice.pick(days(today, 20, 0, -1) if dice.seldom(14) else days(today, 20)),
        }
        facts.append(fact)
        if dice.seldom(12):
            facts.append(
                fact
                | {
                    "effective_on": dice.pick(days(today, 0, 1, -1)),
                    "status": dice.pick(["cancelled", "authorized"]),
                    "units": dice.pick([3, 9]),
                    "prescriber_id": dice.pick(["PR-2", prescriber_id]),
                }
            )
    return facts


def program_facts(dice: Dice, today: date) -> list[Fact]:
    """Recalls, written in several forms, and modes."""
    ndcs = ["58468-0200-1", "5846802001", "58468020001", "058468-0200-01", "58468-0357-1", "n/a", "58468-02001"]
    recalls = [
        {
            "fact": "recall",
            "effective_on": dice.pick(days(today, -3, 0, 1)),
            "lot": dice.pick(["L-2", "L-3"]),
            "ndc": dice.pick(ndcs),
            "status": dice.pick(["recalled", "recalled", "lifted"]),
        }
        for _ in range(dice.number(0, 3))
    ]
    modes = [
        {
            "fact": "program",
            "effective_on": dice.pick(days(today, -1, 0, 0, 1)),
            "mode": dice.pick(["discretion", "discretion", "discretion", "ended", "active"]),
        }
        for _ in range(dice.number(1, 2))
    ]
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
        {
            "fact": "site",
            "program": "isotretinoin",
            "sequence": n,
            "effective_on": dice.pick(days(today, -9, -9, 0, 1)),
            "site_id": site_id,
            "class": "pharmacy",
            "status": "certified",
            "certified_on": "2026-01-01",
            "address": ADDRESSES["IN1"],
            "identifiers": {"npi": npi},
        }
        for n, (site_id, npi) in enumerate(ELSEWHERE.items(), 1)
    ]


def instants_before(dice: Dice, at: datetime, *, ahead: bool = True) -> str:
    """An `as_of` at the bounds of what is fresh, and of what lies too far ahead."""
    minutes = timedelta(minutes=1)
    spans = [timedelta(0), -60 * minutes, timedelta(days=-1), timedelta(days=-1, microseconds=-1), timedelta(days=-3), 5 * minutes]
    instant = at + dice.pick(spans + [5 * minutes + timedelta(microseconds=1)] * ahead)
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")

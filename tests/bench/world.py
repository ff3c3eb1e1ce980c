"""What is measured with: a registry of many sites, and orders of which it is known what becomes of every line.

Three lines an order on average, 30 % of the lines covered, and 5 % of all lines stopped, for six different causes.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

SITES = AUTHORIZATIONS = 350_000
PATIENTS, PRESCRIBERS = 50_000, 5_000
COVERED = 0.3
SUSPENDED = 0.06
"""Of the sites: all covered lines of an order to one of them are stopped."""
SPOILED = 0.1135
"""Of the other covered lines: with the suspended sites it makes one covered line in six."""

NOW = datetime.now(UTC)
TODAY = NOW.astimezone(ZoneInfo("America/New_York")).date()
"""The programs' day, also where in UTC the next has begun."""
LONG_AGO, LATER = (TODAY - timedelta(days=200)).isoformat(), (TODAY + timedelta(days=200)).isoformat()

SITE = (
    '{"fact":"site","program":"lemtrada","sequence":%d,"effective_on":"' + LONG_AGO + '","site_id":"HF-%07d",'
    '"class":"healthcare_facility","status":"%s","certified_on":"' + LONG_AGO + '","valid_through":"' + LATER + '",'
    '"name":"Harbor Infusion Center %d","address":{"street":"%d Main St","street2":"Ste 4","city":"Boston","state":"MA",'
    '"postal_code":"02110"},"identifiers":{"account":["WD-001:%d"]},"authorized_representative":"J. Rivera"}\n'
)  # fmt: skip
PATIENT = (
    '{"fact":"patient","program":"lemtrada","sequence":%d,"effective_on":"' + LONG_AGO + '","patient_id":"P-%07d","status":"enrolled"}\n'
)
PRESCRIBER = (
    '{"fact":"prescriber","program":"lemtrada","sequence":%d,"effective_on":"' + LONG_AGO + '","prescriber_id":"PR-%05d",'
    '"status":"certified"}\n'
)
AUTHORIZATION = (
    '{"fact":"authorization","program":"lemtrada","sequence":%d,"effective_on":"' + LONG_AGO + '","authorization_id":"AU-%07d",'
    '"status":"authorized","patient_id":"P-%07d","prescriber_id":"PR-%05d","administering_site_id":"HF-%07d","course":1,"units":9999,'
    '"valid_from":"' + LONG_AGO + '","valid_through":"' + LATER + '","form_submitted_on":"' + LONG_AGO + '"}\n'
)
RECALL = (
    '{"fact":"recall","program":"lemtrada","sequence":%d,"effective_on":"' + LONG_AGO + '","ndc":"58468-0200-1","lot":"B9999",'
    '"status":"recalled"}\n'
)


class Sizes(NamedTuple):
    """How large the registry is; an authorization is for the site of the same number."""

    sites: int = SITES
    authorizations: int = AUTHORIZATIONS
    patients: int = PATIENTS
    prescribers: int = PRESCRIBERS


class Sent(NamedTuple):
    """One order as it is sent, and what the gate must publish for it."""

    order_id: str
    value: bytes
    released: bool
    """A line of it may leave."""
    stopped: bool
    records: int


def facts(sizes: Sizes, after: int = 0) -> Iterator[bytes]:
    """The registry, one fact a line, numbered on from ``after``."""
    sequence = after
    for number in range(sizes.sites):
        sequence += 1
        status = "suspended" if suspended(number) else "certified"
        yield (SITE % (sequence, number, status, number, number, number)).encode()
    for template, count in ((PATIENT, sizes.patients), (PRESCRIBER, sizes.prescribers)):
        for number in range(count):
            sequence += 1
            yield (template % (sequence, number)).encode()
    for number in range(sizes.authorizations):
        sequence += 1
        yield (AUTHORIZATION % (sequence, number, number % sizes.patients, number % sizes.prescribers, number)).encode()
    yield (RECALL % (sequence + 1)).encode()


def suspended(site: int) -> bool:
    """Whether the registry has this site as suspended."""
    return site * 7919 % 1000 < SUSPENDED * 1000


def write_snapshot(path: Path, sizes: Sizes, after: int = 0) -> Path:
    """The registry as a snapshot file that speaks as of now; with another ``after`` every fact of it is a new one."""
    digest, count = hashlib.sha256(), 0
    for line in facts(sizes, after):
        digest.update(line)
        count += 1
    as_of = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    header = {"snapshot": "lemtrada", "sequence": after + count, "as_of": as_of, "facts": count, "sha256": digest.hexdigest()}
    with path.open("wb") as file:
        file.write(msgspec.json.encode(header) + b"\n")
        file.writelines(facts(sizes, after))
    return path


def orders(named: str, count: int, sizes: Sizes, *, covered: float = COVERED) -> Iterator[Sent]:
    """That many orders; another ``named`` gives other orders with other serials."""
    random = Random(named)  # noqa: S311 - the same every time
    for number in range(count):
        yield _order(random, f"{named}-{number}", random.randrange(min(sizes.sites, sizes.authorizations)), sizes, covered)


def one_line(order_id: str, site: int, sizes: Sizes, authorization: str | None = None) -> Sent:
    """An order of one covered line to a site, with nothing wrong about it."""
    line = _covered(1, order_id, site, sizes)
    if authorization is not None:
        line["patient"] |= {"authorization_id": authorization}  # type: ignore[operator]
    return _sent(order_id, site, [line], released=not suspended(site), stopped=suspended(site), records=1 - suspended(site))


def _order(random: Random, order_id: str, site: int, sizes: Sizes, covered: float) -> Sent:
    lines, free, stopped, records = [], 0, 0, 0
    for number in range(1, random.randint(1, 5) + 1):
        if random.random() >= covered:
            lines.append(_other(random, number))
            free += 1
            continue
        line = _covered(number, f"{order_id}-{number}", site, sizes)
        spoiled = random.random() < SPOILED
        if spoiled:
            random.choice(SPOILS)(line)
        if spoiled or suspended(site):
            stopped += 1
        else:
            records += 1
        lines.append(line)
    return _sent(order_id, site, lines, released=free + records > 0, stopped=stopped > 0, records=records)


def _sent(order_id: str, site: int, lines: list[dict[str, object]], *, released: bool, stopped: bool, records: int) -> Sent:
    order = {
        "order_id": order_id, "wholesaler_id": "WD-001", "ordered_at": f"{TODAY}T10:00:00-05:00",
        "ship_on": (TODAY + timedelta(days=2)).isoformat(), "deliver_by": (TODAY + timedelta(days=3)).isoformat(),
        "ship_from": {"site_id": "DC-07"},
        "ship_to": {
            "rems_site_id": f"HF-{site:07d}", "account": str(site), "name": f"Harbor Infusion Center {site}",
            "address": {"street": f"{site} Main Street", "street2": "Suite 4", "city": "Boston", "state": "MA", "postal_code": "02110"},
        },
        "lines": lines,
    }  # fmt: skip
    return Sent(order_id, msgspec.json.encode(order), released, stopped, records)


def _covered(number: int, serial: str, site: int, sizes: Sizes) -> dict[str, object]:
    return {
        "line": number, "product": {"ndc": "58468-0200-1", "gtin": "00358468020017"}, "quantity": 1, "unit": "vial", "lot": "A1234",
        "expires_on": LATER, "serials": [serial[-20:]],
        "patient": {
            "patient_id": f"P-{site % sizes.patients:07d}", "authorization_id": f"AU-{site:07d}",
            "prescriber_id": f"PR-{site % sizes.prescribers:05d}", "administering_site_id": f"HF-{site:07d}",
        },
    }  # fmt: skip


def _other(random: Random, number: int) -> dict[str, object]:
    digits = f"0002{random.randrange(7000, 7400)}01"
    gtin = "003" + digits
    check = -sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(gtin)) % 10
    return {
        "line": number, "product": {"ndc": f"{digits[:4]}-{digits[4:8]}-{digits[8:]}", "gtin": f"{gtin}{check}"},
        "quantity": random.randint(1, 20), "lot": "C77", "expires_on": LATER,
    }  # fmt: skip


SPOILS = (
    lambda line: line.pop("patient"),
    lambda line: line["patient"].update(authorization_id="AU-none"),
    lambda line: line["patient"].update(patient_id="P-none"),
    lambda line: line.update(lot="B9999"),
    lambda line: line.update(expires_on=LONG_AGO),
)

"""The books at the end: what records say of goods, what counts of acknowledgements, what is in which file. Pure."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tests.faults.labels import ALERTS, RECORDS
from tests.faults.relayed import Output
from tests.faults.shipping import Goods

BOOKS_DIFFER = "lines whose books are not what was told of their goods"
SERIALS_TWICE = "serials in two live records"
ALERTS_WRONG = "alerts about goods or acknowledgements missing, or too many"
WORDS_WRONG = "records of which other words count than were said"
FILES_CHANGED = "files that became others under their name"
FILES_WRONG = "files that are not as the ledger says"
FILED_WRONG = "records in no file, or in two"
BOOKED = (BOOKS_DIFFER, SERIALS_TWICE, ALERTS_WRONG, WORDS_WRONG, FILES_CHANGED, FILES_WRONG, FILED_WRONG)

Found = dict[str, list[str]]
Alert = tuple[str, str]
"""Its kind, and the record that it is about, if it is about one."""


class Named(NamedTuple):
    """A file that had its name, and what was in it."""

    name: str
    sha256: str
    sequences: tuple[int, ...]


class Row(NamedTuple):
    """What the ledger has of a file."""

    name: str
    sha256: str
    first: int
    last: int


class Booked(NamedTuple):
    """What was told, and what there is of it."""

    goods: tuple[Goods, ...] = ()
    words: Mapping[str, tuple[str, ...]] = {}
    """By record, what must count of what was said of it."""
    counted: tuple[tuple[str, str], ...] = ()
    """Record and status of each word that counts, in the ledger."""
    alerts: tuple[Alert, ...] = ()
    """That acknowledgements must have brought about."""
    seen: tuple[Named, ...] = ()
    """Each file as it was seen while writers were killed."""
    files: tuple[Named, ...] = ()
    """At the end, in the folder."""
    rows: tuple[Row, ...] = ()


def judge_booked(booked: Booked, outputs: Iterable[Output], found: Found) -> None:
    """Adds what is wrong."""
    outputs = list(outputs)
    records = {output.id: json.loads(output.value) for output in outputs if output.topic == RECORDS}
    alerts = {output.id: json.loads(output.value) for output in outputs if output.topic == ALERTS}
    _goods(booked, records.values(), alerts.values(), found)
    _words(booked, alerts.values(), found)
    _files(booked, sorted(record["sequence"] for record in records.values()), found)


def _goods(booked: Booked, records: Iterable[Any], alerts: Iterable[Any], found: Found) -> None:
    lines: dict[str, list[Any]] = defaultdict(list)
    for record in records:
        lines[record.get("order_id", "")].append(record)
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for alert in alerts:
        told[alert.get("order_id", "")][alert["kind"]] += 1
    for goods in booked.goods:
        own = lines[goods.order_id]
        said, right = [_said(record) for record in _live(own)], [_right(goods)] if goods.vials else []
        back = sum(record["quantity"] for record in _live(own, ("return",)))
        if said != right or back != goods.returned:
            found[BOOKS_DIFFER].append(f"{goods.order_id}: {said} and {back} back, instead of {right} and {goods.returned}")
        kinds = told[goods.order_id]
        told_of = goods.alerts <= kinds.keys() and (not goods.either or goods.either & kinds.keys())
        if not told_of or not kinds.keys() <= goods.alerts | goods.may:
            found[ALERTS_WRONG].append(f"{goods.order_id}: {sorted(kinds)} instead of {sorted(goods.alerts | goods.either)}")
    serials = Counter(
        (record["product"]["gtin"], serial) for own in lines.values() for record in _live(own) for serial in record.get("serials", ())
    )
    found[SERIALS_TWICE] += [f"{serial}" for serial, count in serials.items() if count > 1]


def _live(records: list[Any], kinds: tuple[str, ...] = ("original", "correction")) -> list[Any]:
    dead = {record.get("replaces") for record in records if record["kind"] in ("void", "correction")}
    return [record for record in records if record["kind"] in kinds and record.get("record_id") not in dead]


def _said(record: Any) -> tuple[Any, ...]:
    outside, serials = record.get("outside_gate", False), frozenset(record.get("serials", ()))
    return record["quantity"], record.get("lot"), serials, outside, record["ship_to"]["site_id"]


def _right(goods: Goods) -> tuple[Any, ...]:
    return goods.vials, goods.lot, goods.serials, goods.outside, goods.site


def _words(booked: Booked, alerts: Iterable[Any], found: Found) -> None:
    counted: dict[str, list[str]] = defaultdict(list)
    for record, status in booked.counted:
        counted[record].append(status)
    for name in {*counted, *booked.words}:
        if tuple(counted.get(name, ())) != booked.words.get(name, ()):
            found[WORDS_WRONG].append(f"{name}: {counted.get(name)} instead of {booked.words.get(name)}")
    kinds = {kind for kind, _ in booked.alerts}
    there = Counter((alert["kind"], alert["evidence"].get("record_id", "")) for alert in alerts if alert["kind"] in kinds)
    right = Counter(booked.alerts)
    found[ALERTS_WRONG] += [f"{name}: {there[name]} instead of {right[name]}" for name in there | right if there[name] != right[name]]


def _files(booked: Booked, sequences: list[int], found: Found) -> None:
    last = {file.name: file for file in booked.files}
    for file in booked.seen:
        if last.get(file.name) != file:
            found[FILES_CHANGED].append(f"{file.name} was {file.sha256} with {file.sequences[:1]} to {file.sequences[-1:]}")
    rows = {row.name: row for row in booked.rows}
    for name in {*rows, *last}:
        kept, there = rows.get(name), last.get(name)
        whole = kept and there and (there.sha256, there.sequences) == (kept.sha256, tuple(range(kept.first, kept.last + 1)))
        if not whole:
            found[FILES_WRONG].append(f"{name}: the folder has {there and there.sha256}, the ledger {kept}")
    filed = Counter(sequence for file in booked.files for sequence in file.sequences)
    wanted = Counter(sequences if booked.rows or booked.files else [])
    found[FILED_WRONG] += [
        f"record {number} is in {filed[number]} files" for number in filed | wanted if (filed[number], wanted[number]) != (1, 1)
    ]

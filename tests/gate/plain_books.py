"""What a line holds, told a second time: from its records and events as JSON, in plain words."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from gatekeeper.storage import tables
from tests.gate.ledger import Ledger, Wire
from tests.gate.plain_vials import Back, Gone, Vials, vials
from tests.gate.shelves import records

Line = tuple[str, str, int, int]
"""Wholesaler, order, revision, line."""


def line_of(record: Wire) -> Line:
    return record["wholesaler_id"], record["order_id"], record["revision"], record["line"]


def live_of(records: Iterable[Wire]) -> Wire | None:
    """The one that no void and no correction names. One outside the gate is void in the moment in which the gate releases its line."""
    known = list(records)
    dead = {record["replaces"] for record in known if record["kind"] in ("void", "correction")}
    standing = [record for record in known if record["kind"] in ("original", "correction") and record["record_id"] not in dead]
    assert [each for each in standing[:-1] if not each.get("outside_gate")] == [], "at most one live record"
    return standing[-1] if standing else None


class PlainBooks:
    """Lines, with all that was recorded and reported of them. Every quantity is in vials."""

    def __init__(self) -> None:
        self.records: dict[Line, list[Wire]] = defaultdict(list)
        self.shipped: dict[Line, list[Wire]] = defaultdict(list)
        self.returned: dict[Line, list[Wire]] = defaultdict(list)
        self.cancelled: dict[tuple[str, str, int], list[tuple[int, ...]]] = defaultdict(list)
        self.highest: dict[tuple[str, str], int] = defaultdict(int)
        self.made_of: dict[str, bytes] = {}
        """By return record, the digest of what it was made of: wholesaler, event and line."""

    def record(self, record: Wire) -> None:
        self.records[line_of(record)].append(record)

    def tell(self, event: Wire) -> None:
        of = event["wholesaler_id"], event["order_id"], event.get("revision", 1)
        if event["event"] == "cancelled":
            self.cancelled[of].append(tuple(line["line"] for line in event.get("lines", ())))
        for line in event.get("lines", ()) if event["event"] != "cancelled" else ():
            told = self.shipped if event["event"] == "shipped" else self.returned
            told[*of, line["line"]].append(line | {"event": event["event_id"], "at": event["at"]})

    def vials(self, line: Line, released: Wire) -> Vials:
        """Where the vials are of a line of which these were ``released``."""
        told: list[tuple[datetime, Gone | Back]] = []
        for each in self.shipped[line]:
            names = tuple(each.get("serials", ()))
            told.append((datetime.fromisoformat(each["at"]), Gone(each.get("quantity", len(names) or None), names)))
        made = {self.made_of.get(each["record_id"]): each for each in self.records[line] if each["kind"] == "return"}
        for each in self.returned[line]:
            record = made.get(sha256(f"{line[0]}/{each['event']}/{line[3]}".encode()).digest())
            names = tuple(each.get("serials", ())) or tuple((record or {}).get("serials", ()))
            number = each.get("quantity", len(each.get("serials", ())) or None)
            back = Back(number, names, each.get("verified", False), record and record["quantity"])
            told.append((datetime.fromisoformat(each["at"]), back))
        return vials(told, released["quantity"], released.get("serials", ()))

    def held(self, line: Line) -> tuple[Wire | None, int, set[str]]:
        """The live record of a line, and the units and serials that the line has used up."""
        live = live_of(self.records.get(line, []))
        superseded = self.highest[line[:2]] > line[2]
        if live is None or (superseded and not (self.shipped[line] or self.returned[line])):
            return live, 0, set()
        released = [each for each in self.records.get(line, []) if each["kind"] == "original" and not each.get("outside_gate")]
        units, named, whole = live["quantity"], live.get("serials", ()), (released or [live])[-1]
        found = self.vials(line, whole)
        serials = {serial for each in self.shipped[line] for serial in each.get("serials", ())}.union(named)
        if found.all_back:
            serials = set()
        if released:
            every = set(whole.get("serials", ()))
            stays = superseded or any(not lines or line[3] in lines for lines in self.cancelled[line[:3]])
            may_leave = not stays and found.left < whole["quantity"]
            units = max(units, whole["quantity"] if may_leave else min(whole["quantity"], found.left))
            serials |= every if may_leave or (len(named) < units and not found.all_back) else set()
        units -= sum(each["quantity"] for each in self.records[line] if each["kind"] == "return")
        return live, max(0, units, min(whole["quantity"], found.out)), serials - found.free

    def uses(self) -> tuple[dict[tuple[str, str], int], set[tuple[str, str, str]]]:
        """By authorization and program the units; the serials that are out, each with its GTIN and place."""
        units: dict[tuple[str, str], int] = defaultdict(int)
        out: set[tuple[str, str, str]] = set()
        for line in list(self.records):
            live, count, serials = self.held(line)
            if live is not None:
                if "authorization_id" in live and count:
                    units[live["authorization_id"], live["program"]] += count
                out |= {(serial, live["product"]["gtin"], "/".join(map(str, line))) for serial in serials}
        return dict(units), out


def books_of(ledger: Ledger) -> PlainBooks:
    """From all that the ledger has on record."""
    books, examined = PlainBooks(), ledger.rows(tables.EXAMINATION)
    for record in records(ledger):
        books.record(record)
    digests = {row[0]: row[6] for row in examined if row[5] == "returned"}
    books.made_of = {str(row[0]): digests[row[5]] for row in ledger.rows(tables.DISTRIBUTION_RECORD) if row[5] in digests}
    for row in ledger.rows(tables.SHIPMENT_EVENT):
        books.tell(json.loads(row[9]))
    for row in examined:
        if row[5] == "message":
            books.highest[row[1], row[2]] = max(books.highest[row[1], row[2]], row[3])
    return books

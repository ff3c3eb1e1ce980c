"""What a line holds, told a second time: from its records and events as JSON, in plain words."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from gatekeeper.domain.products import covered_package
from gatekeeper.domain.program import Program
from gatekeeper.evidence import members
from gatekeeper.storage import tables
from tests.gate.ledger import Ledger, Wire
from tests.gate.plain_vials import Back, Gone, Vials, vials
from tests.gate.shelves import records

Line = tuple[str, str, int, int]
"""Wholesaler, order, revision, line."""
Use = tuple[str | None, str | None, str | None]
"""Program, GTIN and authorization."""


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

    def __init__(self, programs: tuple[Program, ...] = ()) -> None:
        self.programs = programs
        self.ordered: dict[Line, str | None] = {}
        """By line, the GTIN of the covered product that was ordered."""
        self.records: dict[Line, list[Wire]] = defaultdict(list)
        self.shipped: dict[Line, list[Wire]] = defaultdict(list)
        self.returned: dict[Line, list[Wire]] = defaultdict(list)
        self.cancelled: dict[tuple[str, str, int], list[tuple[int, ...]]] = defaultdict(list)
        self.highest: dict[tuple[str, str], int] = defaultdict(int)
        self.made_of: dict[str, bytes] = {}
        """By return record, the digest of what it was made of: wholesaler, event and line."""
        self.untold: set[bytes] = set()
        """The same of returns whose record is void: nobody said what they said."""
        self.by_people: set[str] = set()
        """The corrections that people made."""

    def record(self, record: Wire) -> None:
        self.records[line_of(record)].append(record)

    def tell(self, event: Wire) -> None:
        of = event["wholesaler_id"], event["order_id"], event.get("revision", 1)
        if event["event"] == "cancelled":
            self.cancelled[of].append(tuple(line["line"] for line in event.get("lines", ())))
        for line in event.get("lines", ()) if event["event"] != "cancelled" else ():
            if digest_of(event["wholesaler_id"], event["event_id"], line["line"]) in self.untold:
                continue
            told = self.shipped if event["event"] == "shipped" else self.returned
            told[*of, line["line"]].append(line | {"event": event["event_id"], "at": event["at"]})

    def vials(self, line: Line, released: Wire) -> Vials:
        """Where the vials are of a line of which these were ``released``."""
        told: list[tuple[datetime, Gone | Back]] = []
        for each in self.shipped[line]:
            names = tuple(each.get("serials", ()))
            # In a unit that nobody can convert it is as many as are named.
            number = each.get("quantity", len(names) or None) if each.get("unit", "vial") == "vial" else len(names)
            told.append((datetime.fromisoformat(each["at"]), Gone(number, names)))
        made = {self.made_of.get(each["record_id"]): each for each in self.records[line] if each["kind"] == "return"}
        for each in self.returned[line]:
            record = made.get(digest_of(line[0], each["event"], line[3]))
            names = tuple(each.get("serials", ())) or tuple((record or {}).get("serials", ()))
            number = each.get("quantity", len(each.get("serials", ())) or None)
            back = Back(number, names, each.get("verified", False), record and record["quantity"])
            told.append((datetime.fromisoformat(each["at"]), back))
        return vials(told, released["quantity"], released.get("serials", ()))

    def order(self, content: Wire, programs: tuple[Program, ...]) -> None:
        """What was ordered: of which product each line is."""
        for line in content["lines"]:
            package = covered_package(line["product"].get("ndc"), line["product"].get("gtin"), programs)
            name = content["wholesaler_id"], content["order_id"], content.get("revision", 1), line["line"]
            self.ordered.setdefault(name, package and package.gtin)

    def held(self, line: Line) -> tuple[Wire | None, int, set[str]]:
        """The live record of a line, and the units and serials that the line has used up."""
        live, units, serials = self.everything(line)
        return live, 0 if live is None else units[use_of(live)], {serial for _, serial in serials}

    def everything(self, line: Line) -> tuple[Wire | None, Counter[Use], set[tuple[str | None, str]]]:
        """The same by product and authorization, and by product."""
        live = live_of(self.records.get(line, []))
        superseded = self.highest[line[:2]] > line[2]
        if superseded and not (self.shipped[line] or self.returned[line]):
            return live, Counter(), set()
        released, whole = self._released(line), self._whole(line)
        own = self._own(line, whole, released=bool(released))
        found = self.vials(line, whole) if whole else Vials(0, 0, set(), all_back=False)
        reported = [(self._use(each, own, self._corrected(line)), each) for each in self.shipped[line]]
        serials = {(use[1], serial) for use, each in reported for serial in each.get("serials", ()) if use[1]}
        if live is not None:
            serials |= {(live["product"]["gtin"], serial) for serial in (*live.get("serials", ()), *self._on_record(line))}
        if found.all_back:
            serials = set()
        units: Counter[Use] = Counter()
        if live is not None and released:
            stays = superseded or any(not lines or line[3] in lines for lines in self.cancelled[line[:3]])
            may_leave = not stays and found.left < released[-1]["quantity"]
            units = self._units(released[-1], live, own, found, reported, may_leave=may_leave)
            named: dict[Use, set[str]] = defaultdict(set)
            for use, each in [*[(use, each) for use, each in reported if use != use_of(live)], (use_of(live), live)]:
                named[use].update(each.get("serials", ()))
            unnamed = any(len(named[use]) < many for use, many in units.items() if use[1] == own[1])
            if may_leave or (not found.all_back and unnamed):
                serials |= {(own[1], serial) for serial in released[-1].get("serials", ())}
        elif live is not None:
            units[use_of(live)] = live["quantity"]
        back = sum(each["quantity"] for each in returns_of(self.records.get(line, []))) - found.more
        free = units.total() - max(0, units.total() - back, min(whole["quantity"] if whole else 0, found.out))
        for use in [*([use_of(live)] if live else []), own, *sorted(units, key=str)]:
            taken = min(free, units[use])
            units[use], free = units[use] - taken, free - taken
        return live, units, {(gtin, serial) for gtin, serial in serials if serial not in found.free}

    def _released(self, line: Line) -> list[Wire]:
        return [each for each in self.records.get(line, []) if each["kind"] == "original" and not each.get("outside_gate")]

    def _whole(self, line: Line) -> Wire | None:
        """What was released, or is on record without that."""
        last = next((each for each in reversed(self.records.get(line, [])) if each["kind"] in ("original", "correction")), None)
        return next(reversed(self._released(line)), last)

    def _own(self, line: Line, whole: Wire | None, *, released: bool) -> Use:
        own = use_of(whole) if whole else (None, self.ordered.get(line), None)
        for before, after in self._corrected(line):
            if released and not before.get("outside_gate") and before.get("authorization_id") != after.get("authorization_id"):
                own = *own[:2], after.get("authorization_id")
        return own

    def _corrected(self, line: Line) -> list[tuple[Wire, Wire]]:
        """The records that people corrected since the last release, each with what they made of it."""
        released = [each["sequence"] for each in self.records.get(line, []) if each["kind"] == "original" and not each.get("outside_gate")]
        return [each for each in self._by_people(line) if each[1]["sequence"] > max(released, default=0)]

    def _on_record(self, line: Line) -> set[str]:
        """The serials that left past the gate, and that people named, as they know it last; not what stayed before the last release."""
        before = {after["record_id"]: {*before.get("serials", ())} for before, after in self._by_people(line)}
        since, out = {after["record_id"] for _, after in self._corrected(line)}, set[str]()
        for each in self.records.get(line, []):
            name, named = each["record_id"], {*each.get("serials", ())}
            if name in before and (name in since or each.get("outside_gate")):
                out = out - (before[name] - named) | (named - before[name])
            elif name not in before and each.get("outside_gate") and each["kind"] in ("original", "correction"):
                out |= named
        return out

    def _by_people(self, line: Line) -> list[tuple[Wire, Wire]]:
        known = self.records.get(line, [])
        by_id = {each["record_id"]: each for each in known}
        return [(by_id[each["replaces"]], each) for each in known if each["record_id"] in self.by_people]

    def _units(
        self, released: Wire, live: Wire, own: Use, found: Vials, reported: list[tuple[Use, Wire]], *, may_leave: bool
    ) -> Counter[Use]:
        """What others got counts for them, and the rest of what was released, or of what left of it, for whom it was released."""
        units: Counter[Use] = Counter()
        uncounted: set[Use] = set()
        for use, each in reported:
            # Of a unit that nobody can convert nobody knows how many it is.
            is_known = each.get("unit", "vial") == "vial" or "quantity" not in each
            if use[1] is not None and not is_known:
                uncounted.add(use)
            if is_known and use[1] is not None and (use != own or "quantity" in each or "serials" in each):
                units[use] += each.get("quantity", len(each.get("serials", ())) or released["quantity"])
        may_have = {use: released["quantity"] - sum(many for other, many in units.items() if other != use) for use in uncounted}
        units[use_of(live)] = max(units[use_of(live)], live["quantity"])
        said = units.pop(own, 0)
        rest = released["quantity"] if may_leave else min(found.left, released["quantity"])
        units[own] = max(0, rest - units.total(), min(said, released["quantity"]))
        for use, many in may_have.items():
            # All that went to nobody else as far as it is told may have gone there.
            units[use] = max(units[use], many)
        return units

    def _use(self, each: Wire, own: Use, corrected: list[tuple[Wire, Wire]]) -> Use:
        program, gtin, authorization = own
        if "product" in each:
            rows = [
                (program.name, package.gtin) for program in self.programs for package in program.packages
                if package == covered_package(each["product"].get("ndc"), each["product"].get("gtin"), (program,))
            ]  # fmt: skip
            program, gtin = rows[0] if rows else (None, None)
        if "patient" in each:
            authorization = each["patient"].get("authorization_id")
            for before, after in corrected:
                # People know better whom a report is of.
                authorization = after.get("authorization_id") if authorization == before.get("authorization_id") else authorization
        return program, gtin, authorization

    def uses(self) -> tuple[dict[tuple[str, str], int], set[tuple[str, str, str]]]:
        """By authorization and program the units; the serials that are out, each with its GTIN and place."""
        units: dict[tuple[str, str], int] = defaultdict(int)
        out: set[tuple[str, str, str]] = set()
        for line in {*self.records, *self.shipped}:
            _, used, serials = self.everything(line)
            for (program, _, authorization), count in used.items():
                if program and authorization and count:
                    units[authorization, program] += count
            out |= {(serial, str(gtin), "/".join(map(str, line))) for gtin, serial in serials}
        return dict(units), out

    def named(self) -> set[tuple[str, str, str]]:
        """What live records of superseded lines name, and is neither out nor back: serial, GTIN and place."""
        found: set[tuple[str, str, str]] = set()
        for line, known in self.records.items():
            live, whole = live_of(known), self._whole(line)
            if live is not None and whole is not None and self.highest[line[:2]] > line[2]:
                out = {serial for _, serial in self.everything(line)[2]} | set(self.vials(line, whole).free)
                rest = {*live.get("serials", ())} - out
                found |= {(serial, live["product"]["gtin"], "/".join(map(str, line))) for serial in rest}
        return found

    def standing(self) -> Counter[tuple[str, str]]:
        """By GTIN and serial, in how many live records it stands and has not come back."""
        found: Counter[tuple[str, str]] = Counter()
        for known in self.records.values():
            live, back = live_of(known), {serial for each in returns_of(known) for serial in each.get("serials", ())}
            found.update({(live["product"]["gtin"], serial) for serial in {*live.get("serials", ())} - back} if live else ())
        return found


def returns_of(known: list[Wire]) -> list[Wire]:
    """Those that no void names."""
    void = {each["replaces"] for each in known if each["kind"] == "void"}
    return [each for each in known if each["kind"] == "return" and each["record_id"] not in void]


def digest_of(wholesaler: str, event: str, line: int) -> bytes:
    return sha256(f"{wholesaler}/{event}/{line}".encode()).digest()


def use_of(record: Wire) -> Use:
    return record["program"], record["product"]["gtin"], record.get("authorization_id")


def books_of(ledger: Ledger) -> PlainBooks:
    """From all that the ledger has on record."""
    books, examined = PlainBooks(ledger.rules.programs), ledger.rows(tables.EXAMINATION)
    for record in records(ledger):
        books.record(record)
    digests = {row[0]: row[6] for row in examined if row[5] == "returned"}
    corrected = {row[0] for row in examined if row[5] == "corrected"}
    books.by_people = {str(row[0]) for row in ledger.rows(tables.DISTRIBUTION_RECORD) if row[5] in corrected}
    books.made_of = {str(row[0]): digests[row[5]] for row in ledger.rows(tables.DISTRIBUTION_RECORD) if row[5] in digests}
    void = {each["replaces"] for each in records(ledger) if each["kind"] == "void"}
    books.untold = {digest for record, digest in books.made_of.items() if record in void}
    for row in ledger.rows(tables.SHIPMENT_EVENT):
        books.tell(json.loads(row[9]))
    for row in examined:
        if row[5] == "message":
            books.highest[row[1], row[2]] = max(books.highest[row[1], row[2]], row[3])
            books.order(json.loads(bytes(members(row[9])["order"])), ledger.rules.programs)
    return books

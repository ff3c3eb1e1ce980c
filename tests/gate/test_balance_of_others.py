"""The same where goods are other ones, or for others, than was released, and people correct, complete, void and submit again."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from gatekeeper.domain.sequences import Range
from gatekeeper.errors import Unusable
from gatekeeper.feeds import voiding
from gatekeeper.feeds.correcting import approve, propose
from gatekeeper.feeds.resending import resend
from gatekeeper.goods import bypasses
from gatekeeper.people.access import Person
from schemas.correction import RecordChanges
from tests.gate.following import Always
from tests.gate.ledger import Ledger, Wire, order
from tests.gate.plain_balance import Place
from tests.gate.plain_books import books_of, digest_of
from tests.gate.plain_line import NOBODYS, VIALS
from tests.gate.shelves import shelves
from tests.gate.test_balance import AT, LINES, ORDERS, SEEDS, Machine, try_histories
from tests.gate.test_events import MANY

ORDERED: Wire = json.loads(order("SO", MANY))
ANN, BOB = Person("u-1", "Ann"), Person("u-2", "Bob")
OTHER: Wire = {"patient_id": "P-2", "authorization_id": "AU-2", "prescriber_id": "PR-1", "administering_site_id": "HF1"}
PEOPLES: Wire = OTHER | {"patient_id": "P-7", "authorization_id": "AU-7"}
"""Whom people name in corrections."""
ELSEWHERE: Wire = ORDERED["ship_to"] | {"rems_site_id": "HF4"}
BOTH, MOSTLY_SECOND = st.sampled_from([0, 1]), st.sampled_from([1, 2, 2])
BEFORE, AMOUNTS = st.sampled_from([None, 1, 2]), st.sampled_from([None, 1, 2, 3])
"""How many left before as they were released, and how many otherwise."""
WHICH = st.integers(0, 1000)


class Others(Machine):
    """With everything that an event may name, and that people may do."""

    def __init__(self) -> None:
        super().__init__()
        self.corrections = 0
        self.unsayable: set[str] = set()
        """Events of which one record cannot say what people know."""

    @initialize()
    def two_orders(self) -> None:
        """Something is released from the beginning: one order without serials, and one with."""
        for of, serialised in ((0, ""), (1, "own")):
            self.order(of=of, revision=1, serialised=serialised, first=0)

    @rule(of=BOTH, line=MOSTLY_SECOND, before=BEFORE, amount=AMOUNTS, at=st.sampled_from(AT))
    def shipped_elsewhere(self, of: int, line: int, before: int | None, amount: int | None, at: str) -> None:
        self._others(of, line, before, amount, {"ship_to": ELSEWHERE}, at)

    @rule(of=BOTH, line=MOSTLY_SECOND, before=BEFORE, amount=AMOUNTS, at=st.sampled_from(AT))
    def shipped_to_another_patient(self, of: int, line: int, before: int | None, amount: int | None, at: str) -> None:
        self._others(of, line, before, amount, {"patient": OTHER}, at)

    @rule(of=BOTH, line=MOSTLY_SECOND, before=BEFORE, amount=AMOUNTS, at=st.sampled_from(AT))
    def shipped_to_whom_people_name(self, of: int, line: int, before: int | None, amount: int | None, at: str) -> None:
        self._others(of, line, before, amount, {"patient": PEOPLES}, at)

    @rule(of=BOTH, line=MOSTLY_SECOND, before=BEFORE, amount=AMOUNTS, at=st.sampled_from(AT))
    def shipped_what_nobody_restricts(self, of: int, line: int, before: int | None, amount: int | None, at: str) -> None:
        self._others(of, line, before, amount, {"product": NOBODYS}, at)

    @rule(of=ORDERS, line=LINES, amount=st.sampled_from([1, 2]), at=st.sampled_from(AT))
    def shipped_in_an_unknown_unit(self, of: int, line: int, amount: int, at: str) -> None:
        self._tell("shipped", of, 1, [{"line": line, "quantity": amount, "unit": "pallet"}], at)

    @precondition(lambda self: self._own())
    @rule(which=WHICH, member=st.sampled_from(["lot", "expires_on", "prescriber_id", "patient", "serials"]))
    def corrected_otherwise(self, which: int, member: str) -> None:
        """Two people change what the goods are, or for whom, in a record that the REMS rejected."""
        standing = [record["record_id"] for shelf in self._shelves().values() for record in shelf.live]
        if not (waiting := self._rejected() or [name for name in standing if self.receipts.last(name) is None]):
            return
        name = waiting[which % len(waiting)]
        if self.receipts.last(name) is None:
            self.say(name, "rejected")
        [record] = [each for each in self._own() if each["record_id"] == name]
        changes = self._changes(record, member)
        if changes is None:
            return
        self.story.append(f"corrected {record['order_id']} {record['revision']} {record['line']} {member}")
        proposed = propose(self.ledger.engine, name, changes, "Seen.", ANN)
        made = approve(self.ledger.engine, str(proposed), "Seen too.", BOB, Always(self.ledger.rules), self.warehouse.terms)
        assert made.replaces == name
        if member == "serials":
            self.serials.corrected((record["order_id"], record["revision"], record["line"]), list(changes.serials or ()))
        if member == "patient" and not record.get("outside_gate"):
            self.plain.line((record["order_id"], record["revision"], record["line"])).patients.append(PEOPLES)

    @precondition(lambda self: self._own())
    @rule(which=WHICH, status=st.sampled_from(["accepted", "rejected"]))
    def submitted_again(self, which: int, status: str) -> None:
        """It is no second record; one more word of the REMS counts, but for a rejection of what it accepted."""
        record = self._own()[which % len(self._own())]
        name, alone = record["record_id"], [Range(record["sequence"], record["sequence"])]
        if self.receipts.last(name) == "rejected" and record["kind"] in ("original", "correction"):
            with pytest.raises(Unusable, match="needs a correction"):
                resend(self.ledger.engine, "lemtrada", alone, "They lost it.", ANN)
            return
        resend(self.ledger.engine, "lemtrada", alone, "They lost it.", ANN)
        self.receipts.sent_again(name)
        self.say(name, status)

    @precondition(lambda self: self._open())
    @rule(which=WHICH, by_serial=st.booleans())
    def completed(self, which: int, by_serial: bool) -> None:  # noqa: FBT001 - drawn
        """Two people say what left of an order that nobody has seen, and now and then which vials these were."""
        bypass = self._open()[which % len(self._open())]
        [told] = [json.loads(raw) for raw in self.told if json.loads(raw)["event_id"] == bypass.event_id]
        [line] = told["lines"]
        quantity = line.get("quantity", len(line.get("serials", ())) or VIALS)
        of_order = {"product": ORDERED["lines"][0]["product"], "patient": ORDERED["lines"][0]["patient"], "ship_to": ORDERED["ship_to"]}
        added: Wire = {"quantity": quantity, "unit": "vial"}
        if by_serial and "serials" not in line:
            added["serials"] = [f"{bypass.event_id}X{number}" for number in range(quantity)]
        said = bypasses.read_completion(json.dumps(of_order | added).encode())
        arguments: tuple[Any, ...] = (Always(self.ledger.rules), self.warehouse.terms)
        self.story.append(f"completed {bypass.event_id} {added}")
        plain, report = self.plain.pending(bypass.event_id)
        expected, contested = plain.can_complete(report, added), bypass.place[1:] in self.plain.contested
        try:
            bypasses.complete(self.ledger.engine, str(bypass.bypass_id), said, "Seen.", ANN, *arguments)
            could = True
        except Unusable:
            could = False
        assert contested or could is expected, f"{bypass.place} {could}: " + "; ".join(self.story)
        if not could:
            # Nobody can say it in one record.
            self.unsayable.add(bypass.event_id)
            return
        bypasses.approve(self.ledger.engine, str(bypass.bypass_id), "Seen too.", BOB, *arguments)
        plain.complete(report, added)
        self.serials.completed(bypass.place[1:], added.get("serials", []), told["at"])

    @precondition(lambda self: self.quiet and self._own())
    @rule(which=WHICH)
    def voided(self, which: int) -> None:
        """Two people say that goods stayed: of what may leave, or has, nobody can say it."""
        live = [record for shelf in self._shelves().values() for record in shelf.live]
        if not live:
            return
        record = live[which % len(live)]
        place = (record["order_id"], record["revision"], record["line"])
        arguments: tuple[Any, ...] = (Always(self.ledger.rules), self.warehouse.terms)
        may = not self.plain.line(place).left and (self.suspended or self.plain.is_withdrawn(place))
        try:
            name = voiding.propose(self.ledger.engine, record["record_id"], "It is on the shelf.", ANN, *arguments)
        except Unusable:
            assert not may, f"{place}: " + "; ".join(self.story)
            return
        self.story.append(f"voided {place}")
        assert may, f"{place}: " + "; ".join(self.story)
        voiding.approve(self.ledger.engine, str(name), "Seen too.", BOB, *arguments)
        self.plain.line(place).void()
        self.serials.corrected(place, [])

    @precondition(lambda self: self._came_back())
    @rule(which=WHICH)
    def return_voided(self, which: int) -> None:
        """Two people say that a return record is wrong."""
        records = self._came_back()
        record, event_id, place = records[which % len(records)]
        self.story.append(f"void {event_id} {place}")
        arguments: tuple[Any, ...] = (Always(self.ledger.rules), self.warehouse.terms)
        name = voiding.propose(self.ledger.engine, record, "It is not here.", ANN, *arguments)
        voiding.approve(self.ledger.engine, str(name), "Looked too.", BOB, *arguments)
        self.plain.not_returned(event_id, place)
        self.serials.not_returned(event_id, place)
        self.quiet = False

    @invariant()
    def recipients(self) -> None:
        """The record of what was released is of the site where the goods went first, and never of a product that nobody restricts."""
        if not self.quiet:
            return
        for line, shelf in self._shelves().items():
            if line in self.plain.released and line not in self.plain.contested:
                for record in shelf.live:
                    assert record["ship_to"]["site_id"] == self.plain.line(line).site, f"{line}: " + "; ".join(self.story)
                    assert record["product"]["gtin"] == "00358468020017"

    def _others(self, of: int, line: int, before: int | None, amount: int | None, party: Wire, at: str) -> None:
        """Goods of a released line, of which some may have left as they were released; what was told of it before is settled."""
        place = (f"{self.name}-{of}", 1, line)
        if before:
            self._tell("shipped", of, 1, [{"line": line, "quantity": before}], at)
        self.follow(in_vain=False)
        if place not in self.plain.released or not self.plain.line(place).balance.live:
            return
        said = {"line": line} | ({"quantity": amount} if amount else {}) | {name: party[name] for name in party if name != "ship_to"}
        self._tell("shipped", of, 1, [said], at, **{name: party[name] for name in party if name == "ship_to"})
        self.follow(in_vain=False)

    def _changes(self, record: Wire, member: str) -> RecordChanges | None:
        self.corrections += 1
        number = self.corrections
        if member == "patient":
            names = {name: PEOPLES[name] for name in ("patient_id", "authorization_id")}
            return None if record.get("patient_id") == PEOPLES["patient_id"] else RecordChanges(**names)
        if member == "serials":
            serials = record.get("serials")
            return RecordChanges(serials=(*serials[:-1], f"{self.name}X{number}")) if serials else None
        other: dict[str, Any] = {"lot": f"D{number}", "expires_on": date(2199 - number % 50, 1, 1), "prescriber_id": f"PR-X{number}"}
        return RecordChanges(**{member: other[member]})

    def _shelves(self) -> dict[Any, Any]:
        """Those of this history."""
        return {line: shelf for line, shelf in shelves(self.ledger).items() if line[0].startswith(self.name + "-")}

    def _open(self) -> list[Any]:
        """Goods that left without an order, and were not completed, in an order that hangs on no name."""
        found = sorted(bypasses.listed(self.ledger.engine, every=False), key=lambda bypass: bypass.event_id)
        return [
            bypass for bypass in found
            if bypass.place.order_id.startswith(self.name + "-") and bypass.event_id not in self.unsayable
            and bypass.place.revision not in self.plain.seen[bypass.place.order_id]
        ]  # fmt: skip

    def _came_back(self) -> list[tuple[str, str, Place]]:
        """The return records of this history that count, each with the event and the line that it was made of."""
        made_of, found, lines = books_of(self.ledger).made_of, [], {}
        for said in map(json.loads, self.told):
            for line in said.get("lines", ()):
                named = said["event_id"], said["order_id"], said["revision"], line["line"]
                lines[digest_of(said["wholesaler_id"], said["event_id"], line["line"])] = named
        for shelf in self._shelves().values():
            for record in shelf.returned:
                event_id, *place = lines[made_of[record["record_id"]]]
                found.append((record["record_id"], event_id, (place[0], place[1], place[2])))
        return sorted(found, key=lambda each: each[1:])


@pytest.mark.parametrize("number", SEEDS)
def test_the_books_balance_whatever_left_and_whatever_people_do(ledger: Ledger, number: int) -> None:
    try_histories(Others, ledger, number, steps=30)

"""Orders, revisions, events, acknowledgements, corrections and suspensions in any order: after all of it the books balance."""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from gatekeeper.feeds.correcting import approve, propose
from gatekeeper.people.access import Person
from gatekeeper.storage import tables, waiting_events
from gatekeeper.storage.engine import transaction
from schemas.correction import RecordChanges
from tests.feed.rems import Rems, acknowledgement
from tests.gate.following import Always
from tests.gate.ledger import WORLD, Ledger, Wire, authorization, order
from tests.gate.plain_balance import PlainBalance
from tests.gate.plain_books import books_of
from tests.gate.plain_line import VIALS
from tests.gate.plain_receipts import PlainReceipts
from tests.gate.plain_serials import PlainSerials
from tests.gate.shelves import records, shelves
from tests.gate.test_again import wrong
from tests.gate.test_events import MANY, released_line
from tests.gate.warehouse import Warehouse, event

AT = ["2026-11-18T10:00:00Z", "2026-11-19T10:00:00Z", "2026-11-20T10:00:00Z"]
BACK, AGAIN = "2026-11-20T12:00:00Z", "2026-11-21T10:00:00Z"
"""When goods come back, and when they leave after that."""
LEAVES = st.sampled_from([*AT, AGAIN])
ORDERS = st.sampled_from([0, 0, 0, 1, 2])
REVISIONS = st.sampled_from([1, 1, 1, 1, 2])
LINES = st.sampled_from([1, 1, 1, 2])
OFTEN = st.sampled_from([True, True, True, False])
OWN = ["own", "own", "own"]
WHOSE = st.sampled_from(["lemtrada", "lemtrada", "lemtrada", "isotretinoin", ""])
"""The program that an acknowledgement is of; none where it is of a record that does not exist."""
SOME_VIALS = st.sets(st.integers(0, VIALS + 1), min_size=1, max_size=5)
_names = count(1)
TOGETHER = 15
"""So many histories are tried in one ledger."""
SEEDS = range(int(os.environ.get("HISTORIES", "0")) // TOGETHER) or (0,)
"""``make histories`` tries more of them than a day's tests do."""


class Machine(RuleBasedStateMachine):
    """One ledger for all histories, each of which has names of its own."""

    ledger: ClassVar[Ledger]
    warehouse: ClassVar[Warehouse]
    rems: ClassVar[Rems]

    def __init__(self) -> None:
        super().__init__()
        self.name, self.plain = f"W{next(_names)}", PlainBalance()
        self.answered = max((row[0] for row in self.ledger.rows(tables.EXAMINATION)), default=0)
        self.told: list[bytes] = []
        self.story: list[str] = []
        """For a person who wonders how it came to that."""
        self.receipts = PlainReceipts()
        self.bodies: dict[str, bytes] = {}
        """Of each record what it said when it was made."""
        self.serials, self.otherwise = PlainSerials(), otherwise(self.ledger)
        self.suspended = False
        self.lots = 0
        """So many lots were put right by people."""
        self.quiet = True
        """Everything that follows was done."""

    @rule(of=ORDERS, revision=REVISIONS, serialised=st.sampled_from(["", "", *OWN, "pool"]), first=st.integers(0, VIALS))
    def order(self, of: int, revision: int, serialised: str, first: int) -> None:
        """A revision has serials of its own, or of those that any order may have, or none."""
        name = f"{self.name}-{of}"
        if revision in self.plain.seen[name]:
            return
        lines: Wire = {"/revision": revision, "/lines/1": released_line(2, "AU-MANY")}
        if serialised:
            start = first if serialised == "pool" else 0
            lines["/lines/0/serials"] = self._serials(serialised, of, revision, range(start, start + VIALS))
        message = order(name, MANY | lines)
        self.story.append(f"order {name} {revision} {lines.get('/lines/0/serials')}")
        self.warehouse.judge(message)
        self.plain.ordered(json.loads(message))
        self.serials.ordered(json.loads(message))
        self._hear()
        # What had been told of it is settled later.
        self.quiet = False

    @rule(of=ORDERS, revision=REVISIONS, line=LINES, amount=st.sampled_from([None, 1, 2, 3, 5]), at=LEAVES,
          lot=st.sampled_from([None, None, None, "L2"]))  # fmt: skip
    def shipped(self, of: int, revision: int, line: int, amount: int | None, at: str, lot: str | None) -> None:
        said = {"line": line} | ({"quantity": amount} if amount else {}) | ({"lot": lot} if lot else {})
        self._tell("shipped", of, revision, [said], at)

    @rule(of=ORDERS, line=LINES, amount=st.sampled_from([1, 1, 2]), at=LEAVES)
    def left_in_part(self, of: int, line: int, amount: int, at: str) -> None:
        """Several of them add up."""
        self._tell("shipped", of, 1, [{"line": line, "quantity": amount}], at)

    @rule(of=ORDERS, revision=REVISIONS, vials=SOME_VIALS, whose=st.sampled_from([*OWN, "other", "pool"]), at=LEAVES)
    def shipped_by_serial(self, of: int, revision: int, vials: set[int], whose: str, at: str) -> None:
        """Vials of the line, others, and now and then those of another line."""
        self._tell("shipped", of, revision, [{"line": 1, "serials": self._serials(whose, of, revision, vials)}], at)

    @rule(of=ORDERS, revision=REVISIONS, lines=st.sampled_from([[], [1], [2]]), at=st.sampled_from(AT))
    def cancelled(self, of: int, revision: int, lines: list[int], at: str) -> None:
        self._tell("cancelled", of, revision, [{"line": line} for line in lines], at)

    @rule(of=ORDERS, revision=REVISIONS, line=LINES, amount=st.sampled_from([None, 1, 2]), verified=st.booleans())
    def returned(self, of: int, revision: int, line: int, amount: int | None, verified: bool) -> None:  # noqa: FBT001 - drawn
        said = {"line": line, "verified": verified} | ({"quantity": amount} if amount else {})
        self._tell("returned", of, revision, [said], BACK)

    @rule(of=ORDERS, revision=REVISIONS, vials=SOME_VIALS, whose=st.sampled_from([*OWN, "pool"]), verified=OFTEN)
    def returned_by_serial(self, of: int, revision: int, vials: set[int], whose: str, verified: bool) -> None:  # noqa: FBT001 - drawn
        serials = self._serials(whose, of, revision, vials)
        self._tell("returned", of, revision, [{"line": 1, "serials": serials, "verified": verified}], BACK)

    @precondition(lambda self: self.told)
    @rule(which=st.integers(0, 1000))
    def told_again(self, which: int) -> None:
        self.warehouse.tell(self.told[which % len(self.told)])

    @rule()
    def site_changes(self) -> None:
        """The registry suspends every site of these orders, or certifies it again."""
        self.suspended = not self.suspended
        self.story.append(f"suspended {self.suspended}")
        status = "suspended" if self.suspended else "certified"
        world = [fact | ({"status": status} if fact["fact"] == "site" and fact["site_id"] == "HF1" else {}) for fact in WORLD]
        self.ledger.load(authorization("AU-MANY", 1_000_000), world=world)
        self.quiet = False

    @precondition(lambda self: self._own())
    @rule(which=st.integers(0, 1000), status=st.sampled_from(["accepted", "accepted", "rejected"]), whose=WHOSE, twice=st.booleans())
    def acknowledged(self, which: int, status: str, whose: str, twice: bool) -> None:  # noqa: FBT001 - drawn
        """A record of this history or none, by its own REMS or another, for the first time or not."""
        self.say(self._own()[which % len(self._own())]["record_id"] if whose else "nobodys", status, program=whose, times=1 + twice)

    @precondition(lambda self: self._rejected())
    @rule(which=st.integers(0, 1000))
    def corrected(self, which: int) -> None:
        """Two people change the lot of a live record that was rejected."""
        waiting, self.lots = self._rejected(), self.lots + 1
        # A lot that it has already would change nothing.
        changes = RecordChanges(lot=f"C{self.lots}")
        name = propose(self.ledger.engine, waiting[which % len(waiting)], changes, "Seen.", Person("u-1", "U"))
        approve(self.ledger.engine, str(name), "Seen too.", Person("u-2", "V"), Always(self.ledger.rules), self.warehouse.terms)

    @rule(in_vain=st.booleans())
    def follow(self, in_vain: bool) -> None:  # noqa: FBT001 - drawn
        """All that follows is done; where events have waited ``in_vain``, the orders were read past them."""
        self.story.append(f"follow {in_vain}")
        self.warehouse.follow()
        if in_vain:
            with transaction(self.ledger.engine) as cursor:
                waiting_events.mark(cursor, waiting_events.unmarked(cursor), "the topic", {0: 0})
            self.warehouse.follow()
        self._hear()
        self.plain.waited(in_vain=in_vain)
        self.serials.waited(in_vain=in_vain)
        self.quiet = True

    @invariant()
    def never(self) -> None:
        """At no moment a gap, two live records of a line, a record that became another, or a serial that left and is free."""
        known = records(self.ledger)
        assert [record["sequence"] for record in known] == list(range(1, len(known) + 1))
        # Raises where one does not name what it replaces, or is about.
        found = shelves(self.ledger)
        assert all(len(shelf.live) <= 1 for shelf in found.values())
        kept = {place for place, shelf in found.items() if shelf.live}
        gone, out = self.serials.gone(kept, self.plain.released), {row[0] for row in self.ledger.rows(tables.SERIAL)}
        assert gone <= out, f"{gone - out}: " + "; ".join(self.story)
        standing: Counter[str] = Counter()
        for shelf in found.values():
            back = {serial for record in shelf.returned for serial in record.get("serials", ())}
            standing.update({serial for record in shelf.live for serial in record.get("serials", ())} - back)
        twice = {serial for serial, times in standing.items() if times > 1}
        assert not twice, f"{twice}: " + "; ".join(self.story)
        bodies = {str(row[0]): row[7] for row in self.ledger.rows(tables.DISTRIBUTION_RECORD)}
        assert self.bodies.items() <= bodies.items()
        self.bodies = bodies
        said: dict[str, list[str]] = defaultdict(list)
        for row in sorted(self.ledger.rows(tables.ACKNOWLEDGEMENT), key=lambda row: row[2]):
            said[str(row[3])].append(row[4])
        assert {name: said[name] for name in self.receipts.said} == self.receipts.said

    @invariant()
    def balance(self) -> None:
        """By line, and in all, as soon as all that follows was done."""
        if not self.quiet:
            return
        found = {line: shelf for line, shelf in shelves(self.ledger).items() if line[0].startswith(self.name + "-")}
        sums = [0, 0, 0, 0]
        for line in {*found, *self.plain.lines}:
            plain, shelf = self.plain.line(line), found.get(line)
            right = plain.balance
            live = sum(record["quantity"] for record in shelf.live) if shelf else 0
            back = sum(record["quantity"] for record in shelf.returned) if shelf else 0
            if line in self.plain.contested:
                assert live in plain.possible, f"{line} {live} {plain.possible}: " + "; ".join(self.story)
                assert back <= plain.most_back, f"{line}: " + "; ".join(self.story)
                continue
            assert (live, back) == (right.live, right.returned), f"{line} {right}: " + "; ".join(self.story)
            sums = [sums[0] + live, sums[1] + right.live, sums[2] + back, sums[3] + right.returned]
        assert sums[0] == sums[1]
        assert sums[2] == sums[3]
        # By itself each history begins with what others left behind, so that it can be told once more.
        assert otherwise(self.ledger) == self.otherwise, "; ".join(self.story)

    def teardown(self) -> None:
        try:
            self.follow(in_vain=True)
            self.never()
            self.balance()
        finally:
            # The next history, which may be this one told once more, begins as this one did.
            if self.suspended:
                self.site_changes()

    def say(self, name: str, status: str, *, program: str = "lemtrada", times: int = 1) -> None:
        """What a REMS says of a record, so often; each time it becomes what it must."""
        said = {"problem": f"It is problem {next(_names)}."} if status == "rejected" else {}
        message = acknowledgement(name, status, program=program or "lemtrada", **said)
        for _ in range(times):
            becomes = self.receipts.hear(name, status, message) if program == "lemtrada" else "aside"
            assert self.rems.say(message) == [becomes], "; ".join(self.story)

    def _tell(self, kind: str, of: int, revision: int, lines: list[Wire], at: str, **more: Any) -> None:
        name = f"{self.name}-E{len(self.told):03}"
        self.told.append(event(kind, f"{self.name}-{of}", revision, lines, at=at, event_id=name, **more))
        self.story.append(f"{kind} {of} {revision} {lines} {at} {more}")
        self.warehouse.tell(self.told[-1])
        self.plain.told(json.loads(self.told[-1]))
        self.serials.told(json.loads(self.told[-1]))
        self.quiet = False

    def _hear(self) -> None:
        """What was said to the warehouse since the last time."""
        for row in self.ledger.rows(tables.EXAMINATION):
            if row[0] > self.answered and row[2].startswith(self.name + "-") and row[10] is not None:
                self.plain.answered(json.loads(row[10]))
            self.answered = max(self.answered, row[0])

    def _own(self) -> list[Wire]:
        return [record for record in records(self.ledger) if record["order_id"].startswith(self.name + "-")]

    def _rejected(self) -> list[str]:
        """Of the live records of this history those whose last word is a rejection, in an order that hangs on no name."""
        live = [record["record_id"] for shelf in shelves(self.ledger).values() for record in shelf.live]
        return [name for name in live if self.receipts.last(name) == "rejected"]

    def _serials(self, whose: str, of: int, revision: int, numbers: Iterable[int]) -> list[str]:
        """Of this line, of the same one of another order, or of those that any line may have."""
        line = {"own": f"{of}{revision}", "other": f"{(of + 1) % 3}{revision}", "pool": "P"}[whose]
        return [f"{self.name}S{line}{number}" for number in sorted(numbers)]


@pytest.mark.parametrize("number", SEEDS)
def test_the_books_balance_after_any_history(ledger: Ledger, number: int) -> None:
    try_histories(Machine, ledger, number, steps=25)


def try_histories(machine: type[Machine], ledger: Ledger, number: int, *, steps: int) -> None:
    """Some histories in one ledger, always the same ones for the same ``number``; each has at most so many ``steps``."""
    ledger.load(authorization("AU-MANY", 1_000_000))
    machine.ledger, machine.warehouse, machine.rems = ledger, Warehouse(ledger), Rems(ledger)
    limits = settings(
        max_examples=TOGETHER, phases=[Phase.generate], stateful_step_count=steps, deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )  # fmt: skip
    run_state_machine_as_test(seed(number)(machine), settings=limits)
    assert wrong(ledger) == []
    assert_uses(ledger)


def assert_uses(ledger: Ledger) -> None:
    """What lines have used up, of authorizations and serials, is what records and events say together."""
    assert otherwise(ledger) == ({}, {}, set())
    assert set(ledger.rows(tables.NAMED_SERIAL)) == books_of(ledger).named()


def otherwise(ledger: Ledger) -> tuple[dict[Any, int], dict[Any, int], set[Any]]:
    """By authorization the units, and by serial and line how often, that the ledger has and records and events do not say, or less than
    these. Of a serial that several lines hold one has it, until that one gives it back: those of which none does.
    """
    units, serials = books_of(ledger).uses()
    found, claimed = ledger.rows(tables.SERIAL), ledger.rows(tables.CLAIMED_SERIAL)
    wrong_units, wrong_serials = Counter({row[:2]: row[2] for row in ledger.rows(tables.UNITS)}), Counter([*found, *claimed])
    wrong_units.subtract(units)
    wrong_serials.subtract(serials)
    nobodys = {row[:2] for row in claimed} - {row[:2] for row in found}
    return {name: more for name, more in wrong_units.items() if more}, {row: more for row, more in wrong_serials.items() if more}, nobodys

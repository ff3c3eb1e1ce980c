"""What the demonstration tells of distribution records: each piece of it is done, and then told as a row."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from consumers.demo.answers import Answer
from consumers.demo.feed import Carried, Feed
from consumers.demo.screen import Row
from consumers.demo.words import Detail, record_told
from consumers.demo.world import World
from gatekeeper.clock import now
from gatekeeper.domain.calendar import day_in
from gatekeeper.examinations.recording import TERMS
from gatekeeper.feeds.correcting import approve, propose
from gatekeeper.feeds.reconciling import FOR_TOPIC, reconcile
from gatekeeper.feeds.their_list import their_list
from gatekeeper.messages import written
from gatekeeper.people.access import Person
from schemas.correction import RecordChanges
from schemas.record import DistributionRecord

WHOLESALER: Final = "WD-001"
INES, TOM = Person("demo|ines", "Ines Ward"), Person("demo|tom", "Tom Reed")
RIGHT_LOT: Final = "A1234"
WAY: Final = "distribution-records → REMS → rems-acknowledgements → ledger"


class RecordsWay:
    """The pieces, in their order. ``agree`` is true when the last one has found that all books do."""

    def __init__(self, world: World, feed: Feed, answers: Iterable[Answer]) -> None:
        self._world, self._feed, self._events = world, feed, 0
        self._may_leave = may_leave(answers)
        self._from = day_in(now(), world.program.time_zone)
        self.agree = False

    @property
    def pieces(self) -> tuple[Callable[[], list[Row]], ...]:
        return (self._arrive, self._leave, self._correct, self._bypass, self._come_back, self._compare)

    def more(self) -> list[Row]:
        """What others sent, on its way to the REMS."""
        carried = self._feed.carry()
        return [_row("REMS", "answers", "Records of what came from outside", _booked(carried))] if carried.records else []

    def _arrive(self) -> list[Row]:
        """What was accepted, and a row for each record that was not."""
        carried = self._feed.carry()
        problems = self._feed.rems.problems
        good = [record for record in carried.records if record.record_id not in problems]
        told = [("records", f"no. {_numbers(good)}"), ("receipts", _receipts(carried)), ("way", WAY)]
        rows = [_row("REMS", "accepted", "It books what it was sent, and says so late, twice and in any order", told)]
        for record in carried.records:
            if record.record_id in problems:
                about = [("problem", problems[record.record_id]), *_alerts(carried), ("open", "until a correction of it is accepted")]
                title = f"Record no. {record.sequence}: in the order two digits of the lot changed places"
                rows.append(_row("REMS", "rejected", title, about))
        return rows

    def _leave(self) -> list[Row]:
        carried = self._feed.report([self._event("shipped", *order) for order in self._may_leave])
        told = [("orders", ", ".join(order for order, *_ in self._may_leave))]
        told += _records(carried) or [("record", "no new one: each says what left already")]
        return [_row("warehouse", "confirmed", "What was released has left as it was released", told)]

    def _correct(self) -> list[Row]:
        told: list[Detail] = []
        engine, rems = self._world.engine, self._feed.rems
        for name in rems.problems:
            proposed = propose(engine, name, RecordChanges(lot=RIGHT_LOT), f"The packing list says lot {RIGHT_LOT}.", INES)
            approve(engine, str(proposed), "The packing list was seen.", TOM, self._world.book, TERMS)
            told.append(("proposed", f"by {INES.name}: no. {rems.records[name].sequence} is of lot {RIGHT_LOT}"))
            told.append(("approved", f"by {TOM.name}: nobody approves what he proposed himself"))
        told += _booked(self._feed.carry())
        return [_row("desk", "corrected", "One person proposes the right lot, another one approves it", told)]

    def _bypass(self) -> list[Row]:
        carried = self._feed.report([self._event("shipped", "SO-1004", 1, (1,))])
        return [_row("warehouse", "bypass", "It ships to the suspended site all the same", _alerts(carried) + _booked(carried))]

    def _come_back(self) -> list[Row]:
        carried = self._feed.report([self._event("returned", "SO-1025", 3, (1,), quantity=1, verified=True)])
        return [_row("warehouse", "returned", "One vial of SO-1025 comes back unused", _booked(carried))]

    def _compare(self) -> list[Row]:
        world, rems = self._world, self._feed.rems
        listed = world.files / "rems-list.csv"
        listed.write_bytes(rems.list_of_records())
        days = self._from, day_in(now(), world.program.time_zone)
        found = reconcile(world.engine, world.program, days, (WHOLESALER,), their_list(listed))
        self.agree = found.agree and not rems.gaps and not rems.uncorrected
        counts, books = found.counts, rems.books
        kinds = ", ".join(f"{count} {name.split()[-1]}" for name, count in counts.items() if name.startswith("  ") and count)
        told = [
            ("released", f"{counts['released']} lines, with what was withdrawn"),
            ("recorded", f"{counts['recorded']}: {kinds}"),
            ("shipped", f"{counts['shipped']} records stand, and of each the warehouse says that it left"),
            (FOR_TOPIC, str(counts[FOR_TOPIC])),
            ("accepted", f"{counts['acknowledged']}; {len(rems.problems)} was rejected and corrected"),
            ("their list", f"{counts['in their list']} records, 1 to {found.last}, none missing"),
            ("vials", f"{books.vials} stand in the books of the REMS, {books.vials_returned} of them came back"),
        ]
        told += [("differs", what) for what in (*found.differences, *found.orders, *found.unrecorded, *found.waiting)]
        return [_row("all books", "agree" if self.agree else "differ", "Ours, the warehouse's and those of the REMS are compared", told)]

    def _event(self, kind: str, order_id: str, revision: int, lines: Iterable[int], **more: Any) -> dict[str, Any]:
        self._events += 1
        named = {"event_id": f"EV-{self._events}", "wholesaler_id": WHOLESALER, "order_id": order_id, "revision": revision}
        return named | {"event": kind, "at": written(now()), "lines": [{"line": line} | more for line in lines]}


def may_leave(answers: Iterable[Answer]) -> list[tuple[str, int, tuple[int, ...]]]:
    """What is released and not withdrawn: order, revision and lines."""
    found: dict[tuple[str, int], tuple[int, ...]] = {}
    for answer in answers:
        for withdrawal in answer.withdrawals:
            found.pop((withdrawal.order_id, withdrawal.revision), None)
        for said in answer.released:
            if lines := tuple(line.line for line in said.lines if line.outcome != "withdrawn"):
                found[said.order_id, said.revision] = lines
    return [(*order, lines) for order, lines in found.items()]


def _row(who: str, outcome: str, title: str, details: list[Detail]) -> Row:
    return Row(0, who, title, outcome, tuple(details))


def _numbers(records: Iterable[DistributionRecord]) -> str:
    return ", ".join(str(record.sequence) for record in sorted(records, key=lambda record: record.sequence))


def _receipts(carried: Carried) -> str:
    times = Counter(said.record_id for said in carried.said)
    return f"{len(times)} words of it count; {times.total() - len(times)} that came twice change nothing"


def _alerts(carried: Carried) -> list[Detail]:
    """Each alert; where it is about goods that left past the gate, also what would have been decided."""
    told = []
    for alert in carried.answer.alerts:
        told.append(("alert", alert.text))
        if outcome := alert.evidence.get("outcome"):
            told.append(("would be", f"{outcome}: {' '.join(reason['text'] for reason in alert.evidence['reasons'])}"))
    return told


def _records(carried: Carried) -> list[Detail]:
    return [("record", record_told(record)) for record in carried.records]


def _booked(carried: Carried) -> list[Detail]:
    """Each record, and what the REMS said of it."""
    said = {one.record_id: one for one in carried.said}
    told: list[Detail] = []
    for record in carried.records:
        told.append(("record", record_told(record)))
        if word := said.get(record.record_id):
            told.append(("REMS", f"{word.status}, {word.receipt or word.problem}"))
    return told

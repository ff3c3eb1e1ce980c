"""A real broker, a real database, and a REMS that loses, rejects, and speaks late and twice: at the end its books are ours."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from consumers.demo.rems import STANDING, Books, Rems
from gatekeeper.domain.sequences import Range
from gatekeeper.examinations.recording import TERMS
from gatekeeper.feeds import read_layouts, voiding
from gatekeeper.feeds.correcting import approve, propose, rejected
from gatekeeper.feeds.receiving import receive
from gatekeeper.feeds.reconciling import Reconciled, reconcile
from gatekeeper.feeds.resending import resend, resend_file
from gatekeeper.feeds.their_books import MISSING_THERE
from gatekeeper.feeds.their_list import their_list
from gatekeeper.feeds.writing import write
from gatekeeper.goods.books import Entry, came_back, live
from gatekeeper.people.access import Person
from gatekeeper.storage import tables
from schemas.correction import RecordChanges
from schemas.record import DistributionRecord
from tests.consumers.place import ACKNOWLEDGEMENTS, EVENTS, PATIENCE_S, Place
from tests.consumers.relays import Relaying, hear
from tests.feed.made import layout
from tests.feed.rems import MANY
from tests.gate.conftest import ledger, template
from tests.gate.following import Always
from tests.gate.ledger import NOON, Ledger, authorization, order
from tests.gate.warehouse import Warehouse, event
from tests.real.broker import Broker
from tests.real.waiting import wait_until

__all__ = ["ledger", "template"]

AT = "2026-11-20T17:30:00Z"
LOST = "They lost it."
SOMEBODY = Person("u-1", "U")
DAYS = (NOON.date(), NOON.date())
DEFAULT = read_layouts()["lemtrada", "daily"]
ORDERS = range(1, 43)
OTHER_LOT = "B5678"


@pytest.fixture
def place(broker: Broker, ledger: Ledger) -> Iterator[Place]:
    hear(ledger)
    ledger.load(authorization("AU-MANY", 1_000_000))
    place = Place(broker, ledger.engine)
    yield place
    place.close()


def ours(ledger: Ledger) -> tuple[Books, dict[str, DistributionRecord]]:
    """What stands by the ledger's own rule, and every record."""
    rows = ledger.rows(tables.DISTRIBUTION_RECORD)
    records = {str(row[0]): msgspec.json.decode(row[7], type=DistributionRecord) for row in rows}
    standing = {str(entry.record_id) for entry in live(Entry(row[0], row[3], row[4], row[6]) for row in rows)}
    back = {str(entry.record_id) for entry in came_back(Entry(row[0], row[3], row[4], row[6]) for row in rows)}
    return Books({name: records[name] for name in standing}, {name: records[name] for name in back}), records


def statuses(ledger: Ledger) -> dict[str, str]:
    """What counts last of each record, by its id."""
    return {str(row[3]): row[4] for row in ledger.rows(tables.ACKNOWLEDGEMENT)}


def agree(ledger: Ledger, rems: Rems) -> None:
    """By record, by vial, by serial, and by what was said of each."""
    own, records = ours(ledger)
    theirs = rems.books
    assert rems.records == records
    assert (theirs.live, theirs.vials, theirs.serials) == (own.live, own.vials, own.serials)
    assert (theirs.returned, theirs.vials_returned) == (own.returned, own.vials_returned)
    assert statuses(ledger) == {name: "rejected" if name in rems.problems else "accepted" for name in records}
    assert rems.gaps == []


def reconciled(ledger: Ledger, rems: Rems, folder: Path) -> Reconciled:
    """Our books against the list that the REMS gives of its own."""
    listed = folder / "theirs.csv"
    listed.write_bytes(rems.list_of_records())
    [lemtrada] = ledger.rules.programs
    return reconcile(ledger.engine, lemtrada, DAYS, (), their_list(listed))


def problem_of(record: DistributionRecord) -> str | None:
    if record.kind == "return":
        return "They have them still." if int(record.order_id[3:]) % 2 else None
    return "The lot is not known." if record.sequence % 9 == 4 and record.kind in STANDING and record.lot != OTHER_LOT else None


def serials(number: int) -> list[str]:
    return [f"{number}-{vial}" for vial in range(5)]


def goods(number: int) -> bytes:
    """An order with serials of its own."""
    return order(f"SO-{number}", MANY | {"/lines/0/serials": serials(number)})


def told(number: int) -> list[bytes]:
    """What the warehouse says of an order, in any order: left, left short, stays, came back, left although it was to stay."""

    def say(kind: str, at: str = "2026-11-20T11:00:00-05:00", **more: Any) -> bytes:
        return event(kind, f"SO-{number}", lines=[{"line": 1} | more], at=at)

    match number % 7:
        case 1:
            return [say("shipped", serials=serials(number)[:3]), say("returned", serials=serials(number)[:1], verified=True)]
        case 2:
            return [say("shipped", serials=serials(number)[:2]), say("shipped", serials=serials(number)[2:])]
        case 3:
            return [say("cancelled")]
        case 4:
            return [say("cancelled"), say("shipped", at="2026-11-20T11:30:00-05:00")]
        case 5:
            return [say("shipped"), say("returned", quantity=2)]
        case _:
            return [say("shipped")]


class Line:
    """The line between a REMS and the broker: what comes on the topic, and what it says back."""

    def __init__(self, place: Place, ledger: Ledger, rems: Rems) -> None:
        self._place, self._ledger, self._rems, self._read = place, ledger, rems, 0

    def until(self, events: int, lost: int, repeats: dict[int, int] | None = None) -> None:
        """Listens and speaks until the warehouse was heard, the REMS has all but what it lost, and every word of it is with us."""

        def there() -> bool:
            self._turn()
            heard = sum(row[3] == "event" for row in self._ledger.rows(tables.ARRIVAL))
            records, words = len(self._ledger.rows(tables.DISTRIBUTION_RECORD)), len(self._ledger.rows(tables.ACKNOWLEDGEMENT))
            quiet = self._rems.silent and self._rems.repeats == (repeats or {})
            return quiet and heard == events and len(self._rems.records) == words == records - lost and records >= len(ORDERS)

        wait_until(there, PATIENCE_S, "the REMS has the records, and what it says of them has come")

    def _turn(self) -> None:
        self._place.read()
        records = self._place.of("distribution-records")
        for message in records[self._read :]:
            value = message.value()
            assert isinstance(value, bytes)
            self._rems.take(value, AT)
        self._read = len(records)
        if said := self._rems.say():
            self._place.send(said, topic=ACKNOWLEDGEMENTS)


def correct(ledger: Ledger) -> int:
    """Two people correct every record that was rejected, and void every return; says how many that were."""
    waiting = rejected(ledger.engine, "lemtrada")
    for each in waiting:
        if each.kind == "return":
            book = Always(ledger.rules)
            void = voiding.propose(ledger.engine, str(each.record_id), "They are right.", SOMEBODY, book, TERMS)
            voiding.approve(ledger.engine, str(void), "They are.", Person("u-2", "V"), book, TERMS)
            continue
        proposed = propose(ledger.engine, str(each.record_id), RecordChanges(lot=OTHER_LOT), "Seen on the list.", SOMEBODY)
        approve(ledger.engine, str(proposed), "Seen too.", Person("u-2", "V"), Always(ledger.rules), TERMS)
    return len(waiting)


def test_by_topic(place: Place, ledger: Ledger, tmp_path: Path) -> None:
    """Events in any order and twice; what was lost is named by its gap and sent again; what was rejected is corrected."""
    chance = Random(20)  # noqa: S311 - the same every time
    rems = Rems("lemtrada", problem_of, loses=[2, 3, 11], chance=chance)
    for consumer in ("orders", "events", "acknowledgements"):
        place.start(consumer=consumer)
    relaying = Relaying(place, follows=True)
    line = Line(place, ledger, rems)
    events = [said for number in ORDERS for said in told(number)]
    chance.shuffle(events)
    place.send([goods(number) for number in ORDERS])
    line.until(0, lost=3)
    place.send([*events, *events[:10]], topic=EVENTS)
    line.until(len(events), lost=3)
    assert rems.gaps == [(2, 3), (11, 11)]
    lost = [Range(*gap) for gap in rems.gaps]
    assert reconciled(ledger, rems, tmp_path).differences[MISSING_THERE].ranges == lost

    resend(ledger.engine, "lemtrada", [*lost, Range(5, 6)], LOST, SOMEBODY)
    line.until(len(events), lost=0, repeats={5: 1, 6: 1})
    assert len(rems.uncorrected) > 0
    while correct(ledger):
        line.until(len(events), lost=0, repeats={5: 1, 6: 1})
    relaying.end()
    assert relaying.halt is None
    agree(ledger, rems)
    assert {record.kind for record in rems.records.values()} == {"original", "correction", "void", "return"}
    returns = {name for name, record in rems.records.items() if record.kind == "return"}
    assert rems.books.returned.keys() == returns - rems.problems.keys()
    assert 0 < len(rems.books.returned) < len(returns)
    assert any(record.outside_gate for record in rems.books.live.values())
    assert reconciled(ledger, rems, tmp_path).differences == {}


def test_by_file(ledger: Ledger, tmp_path: Path) -> None:
    """CSV and then JSON lines, one file of them lost and sent again; receipts come back as files, some twice, some late."""
    ledger.load(authorization("AU-MANY", 1_000_000))
    warehouse = Warehouse(ledger)
    rems = Rems("lemtrada", problem_of, chance=Random(3))  # noqa: S311 - the same every time
    folder, sent = tmp_path / "feed", []
    for part, of in enumerate((DEFAULT, layout("json_lines"), DEFAULT)):
        numbers = ORDERS[part::3]
        ledger.judge(*map(goods, numbers))
        warehouse.tell(*(said for number in numbers for said in told(number)))
        [*_, last] = write(ledger.engine, folder, of._replace(cadence="each"), "America/New_York", DAYS[0])
        sent.append(last.path)
    rems.take_file(sent[0].read_bytes(), AT)
    first_file = len(rems.records)
    sent[1].unlink()
    with pytest.raises(ValueError, match="file 2 is missing"):
        rems.take_file(sent[2].read_bytes(), AT)
    again = resend_file(ledger.engine, folder, "lemtrada", 2, LOST, SOMEBODY)
    for path in (again.path, sent[2], sent[0]):
        rems.take_file(path.read_bytes(), AT)
    kinds: Counter[str] = Counter()
    while not rems.silent:
        (tmp_path / "receipts.csv").write_bytes(rems.receipts())
        kinds.update(receive(ledger.engine, tmp_path / "receipts.csv", "lemtrada").counts)
    assert kinds["acknowledgement"] == len(rems.records)
    assert kinds.keys() == {"acknowledgement", "repeat"}
    agree(ledger, rems)
    assert rems.repeats == dict.fromkeys(range(1, first_file + 1), 1)

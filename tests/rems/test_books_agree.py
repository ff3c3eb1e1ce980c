"""A real broker, a real database, and a REMS that loses, rejects, and speaks late and twice: at the end its books are ours."""

from collections import Counter
from collections.abc import Iterator
from itertools import starmap
from pathlib import Path
from random import Random

import msgspec
import pytest

from consumers.demo.rems import Books, Rems
from gatekeeper.access import Person
from gatekeeper.books import Entry, live
from gatekeeper.domain.sequences import Range
from gatekeeper.feeds import read_layouts
from gatekeeper.feeds.receiving import receive
from gatekeeper.feeds.resending import resend, resend_file
from gatekeeper.feeds.their_list import their_list
from gatekeeper.feeds.writing import write
from gatekeeper.reconciling import Reconciled, reconcile
from gatekeeper.storage import tables
from schemas.record import DistributionRecord
from tests.consumers.place import ACKNOWLEDGEMENTS, EVENTS, PATIENCE_S, Place
from tests.consumers.relays import Relaying, hear
from tests.feed.made import layout
from tests.feed.rems import MANY
from tests.gate.conftest import ledger, template
from tests.gate.ledger import NOON, Ledger, authorization, order
from tests.gate.warehouse import Warehouse, event
from tests.real.broker import Broker
from tests.real.waiting import wait_until

__all__ = ["ledger", "template"]

AT = "2026-11-20T17:30:00Z"
LOST = "They lost it."
SOMEBODY = Person("u-1", "U")
DAYS = (NOON.date(), NOON.date())
DEFAULT = read_layouts()["lemtrada"]
ORDERS = range(1, 43)


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
    back = {str(row[0]) for row in rows if row[3] == "return"}
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
    return "The patient is not known." if record.sequence % 9 == 4 else None


def goods(number: int) -> bytes:
    """An order with serials of its own."""
    return order(f"SO-{number}", MANY | {"/lines/0/serials": [f"{number}-{vial}" for vial in range(5)]})


def stays(number: int) -> bool:
    return number % 7 == 3


VOIDS = sum(map(stays, ORDERS))


def told(number: int) -> bytes:
    """What the warehouse says of an order: most left whole, some stayed."""
    return event("cancelled" if stays(number) else "shipped", f"SO-{number}", lines=[1])


class Line:
    """The line between a REMS and the broker: what comes on the topic, and what it says back."""

    def __init__(self, place: Place, ledger: Ledger, rems: Rems) -> None:
        self._place, self._ledger, self._rems, self._read = place, ledger, rems, 0

    def until(self, records: int, lost: int, repeats: dict[int, int] | None = None) -> None:
        """Listens and speaks until it has all but what it lost, what comes again has come, and every word of it is with us."""

        def there() -> bool:
            self._turn()
            counts = len(self._rems.records), len(self._ledger.rows(tables.ACKNOWLEDGEMENT))
            return self._rems.silent and counts == (records - lost, records - lost) and self._rems.repeats == (repeats or {})

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


def test_by_topic(place: Place, ledger: Ledger, tmp_path: Path) -> None:
    """Orders and events in any order; what was lost is named by its gap and sent again, and what came twice is booked once."""
    chance = Random(20)  # noqa: S311 - the same every time
    rems = Rems("lemtrada", problem_of, loses=[2, 3, 11], chance=chance)
    for consumer in ("orders", "events", "acknowledgements"):
        place.start(consumer=consumer)
    relaying = Relaying(place, follows=True)
    line = Line(place, ledger, rems)
    events = [told(number) for number in ORDERS]
    chance.shuffle(events)
    place.send([goods(number) for number in ORDERS])
    line.until(len(ORDERS), lost=3)
    place.send([*events, *events[:10]], topic=EVENTS)
    line.until(len(ORDERS) + VOIDS, lost=3)
    assert rems.gaps == [(2, 3), (11, 11)]
    assert [runs.ranges for runs in reconciled(ledger, rems, tmp_path).differences.values()].count([Range(2, 3), Range(11, 11)]) == 2

    resend(ledger.engine, "lemtrada", [*starmap(Range, rems.gaps), Range(5, 6)], LOST, SOMEBODY)
    line.until(len(ORDERS) + VOIDS, lost=0, repeats={5: 1, 6: 1})
    relaying.end()
    assert relaying.halt is None
    agree(ledger, rems)
    assert {row[1] for row in ledger.rows(tables.ALERT)} == {"record_rejected"}


def test_by_file(ledger: Ledger, tmp_path: Path) -> None:
    """CSV and then JSON lines, one file of them lost and sent again; receipts come back as files, some twice, some late."""
    ledger.load(authorization("AU-MANY", 1_000_000))
    warehouse = Warehouse(ledger)
    rems = Rems("lemtrada", problem_of, chance=Random(3))  # noqa: S311 - the same every time
    folder, sent = tmp_path / "feed", []
    for part, of in enumerate((DEFAULT, layout("json_lines"), DEFAULT)):
        numbers = ORDERS[part::3]
        ledger.judge(*map(goods, numbers))
        warehouse.tell(*map(told, numbers))
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

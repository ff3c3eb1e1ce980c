"""What was lost on the other side, sent once more by the relay on a real broker: the same bytes under the same key."""

from gatekeeper import order_desk
from gatekeeper.arrivals import Position
from gatekeeper.domain.sequences import Range
from gatekeeper.feeds.resending import resend
from gatekeeper.people.access import Person
from gatekeeper.storage import ledger as kept
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.consumers.place import Place
from tests.consumers.relays import Relaying, commit, fill, header, hear, place
from tests.consumers.test_relay import source_of
from tests.feed.rems import MANY
from tests.gate.ledger import Ledger, authorization, order

__all__ = ["place"]


def test_a_record_is_sent_once_more_in_its_turn(place: Place, ledger: Ledger) -> None:
    """Among alerts; it is published once for each time that a person asked, and recorded never again."""
    hear(ledger)
    ledger.load(authorization("AU-MANY", 1_000_000))
    ledger.judge(*(order(f"SO-{number}", MANY) for number in range(3)))
    rows = sorted(ledger.rows(tables.DISTRIBUTION_RECORD), key=lambda row: int(row[2]))
    fill(ledger, 2)
    for ranges in ([Range(2, 3)], [Range(2, 2)]):
        resend(ledger.engine, "lemtrada", ranges, "They lost it.", Person("u-1", "U"))
    fill(ledger, 1)
    relaying = Relaying(place)
    said = place.wait_for("distribution-records", 3)
    place.wait_for("compliance-alerts", 3)
    relaying.end()
    again = [rows[1], rows[2], rows[1]]
    assert relaying.halt is None
    by_place = sorted(said, key=lambda message: message.value() or b"")
    assert [message.value() for message in by_place] == sorted(bytes(row[7]) for row in again)
    assert all(message.key() == header(message, "id").encode() for message in said)
    assert sorted(header(message, "id") for message in said) == sorted(str(row[0]) for row in again)
    assert len(ledger.rows(tables.DISTRIBUTION_RECORD)) == 3


def test_an_answer_is_sent_once_more_once_for_each_time_that_a_person_asked(place: Place, ledger: Ledger) -> None:
    """The bytes that the ledger has, without the records that belong to them; nothing is judged for it."""
    messages = order(), order("SO-2", {"/lines/0/patient": None})
    source = source_of(place, ledger)
    place.send(messages, partition=0)
    commit(place, 0)
    ledger.load()
    ledger.judge_at([(Position(0, number), message) for number, message in enumerate(messages)], source=source)
    for name in ("SO-1", "SO-2", "SO-1"):
        with transaction(ledger.engine) as cursor:
            kept.take_lock(cursor)
            standing = order_desk.standing(cursor, "WD-001", name)
            assert standing is not None
            order_desk.send_again(cursor, standing, "They lost it.", Person("u-1", "U"))
    fill(ledger, 1)
    relaying = Relaying(place)
    place.wait_for("compliance-alerts", 1)
    assert place.of("shipments-released") + place.of("shipments-stopped") == [], "never before the answer to the message"
    commit(place, 2)
    released, stopped = place.wait_for("shipments-released", 2), place.wait_for("shipments-stopped", 1)
    fill(ledger, 1)
    place.wait_for("compliance-alerts", 2)
    relaying.end()
    rows = {row[2]: row for row in ledger.rows(tables.EXAMINATION)}
    assert relaying.halt is None
    assert [message.value() for message in released] == [bytes(rows["SO-1"][10])] * 2
    assert [message.value() for message in stopped] == [bytes(rows["SO-2"][11])]
    assert [len(place.of(topic)) for topic in ("shipments-released", "shipments-stopped", "distribution-records")] == [2, 1, 0]
    assert len(rows) == 2

"""Records that were lost on the other side, sent once more by the relay on a real broker: the same bytes under the same key."""

from gatekeeper.access import Person
from gatekeeper.domain.sequences import Range
from gatekeeper.feeds.resending import resend
from gatekeeper.storage import tables
from tests.consumers.place import Place
from tests.consumers.relays import Relaying, fill, header, hear, place
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

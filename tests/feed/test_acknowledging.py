"""What the REMS say of records: it counts once, what does not fit is kept aside with an alert, and an acceptance is never taken back."""

from uuid import UUID, uuid4

import pytest

from gatekeeper.arrivals import Position
from gatekeeper.audit import Finding, Walked, walk
from gatekeeper.domain.acknowledgements import Acknowledged, what_it_does
from gatekeeper.errors import Halt
from gatekeeper.storage import ledger as storage
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.feed.rems import Rems, acknowledgement
from tests.gate.ledger import Ledger
from tests.gate.test_answers import SCHEMAS
from tests.gate.test_statements import counted


def resubmit(ledger: Ledger, record_id: str, sequence: int) -> None:
    with transaction(ledger.engine) as cursor:
        storage.take_lock(cursor)
        tail = storage.read_tail(cursor)
        row = (uuid4(), "lemtrada", sequence, UUID(record_id), "It was lost.", "u-1", tail.now, tail.block + 1)
        storage.add_block(cursor, tail, {tables.RESUBMISSION: [row]})


@pytest.mark.parametrize("batch", [1, None])
def test_accepted_and_rejected_count_once(rems: Rems, batch: int | None) -> None:
    """In one batch or several; the same again is a repeat, also where it names the program now; what is rejected raises one alert."""
    first, second, third = rems.records(3)
    accepted, rejected = acknowledgement(first, receipt="R-7"), acknowledgement(second, "rejected", problem="Dr. Who is not known.")
    kinds = rems.say(accepted, rejected, accepted, b"rubbish", acknowledgement(first, receipt="R-7", program="lemtrada"), batch=batch)
    assert kinds == ["acknowledgement", "acknowledgement", "repeat", "refused", "repeat"]
    assert rems.said() == [(1, 1, "accepted"), (2, 1, "rejected")]
    [(kind, body)] = rems.alerts()
    assert (kind, body["program"], body["evidence"]["record_id"], body["evidence"]["sequence"]) == (
        "record_rejected",
        "lemtrada",
        second,
        2,
    )
    assert "Who" not in str(body)
    SCHEMAS["compliance-alerts"].validate(body)
    assert third not in str(rems.alerts())


@pytest.mark.parametrize("batch", [1, None])
def test_what_does_not_fit_changes_nothing_and_is_told_once(rems: Rems, batch: int | None) -> None:
    """An unknown record, another program, a second and different one; however often each of them comes."""
    first, second = rems.records(2)
    unknown, other = acknowledgement(str(uuid4())), acknowledgement(second, program="isotretinoin")
    taken_back, nobodys = acknowledgement(first, "rejected"), acknowledgement("P-00001234")
    shouted = acknowledgement(second.upper())
    rems.say(acknowledgement(first), batch=batch)
    for _ in range(2):
        kinds = rems.say(unknown, other, taken_back, nobodys, acknowledgement(first, receipt="another"), shouted, batch=batch)
        assert kinds == ["aside"] * 6
    assert rems.said() == [(1, 1, "accepted")]
    alerts = rems.alerts()
    assert [kind for kind, _ in alerts] == [
        "acknowledgement_unknown", "acknowledgement_of_other_program", "acknowledgement_contradicts", "acknowledgement_unknown",
        "acknowledgement_contradicts", "acknowledgement_unknown",
    ]  # fmt: skip
    assert "P-00001234" not in str(alerts), "what was sent as an id may be anything"
    assert {row[3] for row in rems.ledger.rows(tables.ASIDE)} == {kind for kind, _ in alerts}
    assert len(rems.ledger.rows(tables.ASIDE)) == 12
    for _, body in alerts:
        SCHEMAS["compliance-alerts"].validate(body)


def test_what_was_taken_is_read_back_and_another_message_halts(rems: Rems) -> None:
    [record] = rems.records()
    placed = [(Position(3, 0), acknowledgement(record)), (Position(3, 1), b"rubbish")]
    taken, again = rems.say_at(placed), rems.say_at(placed)
    assert [answer._replace(read_back=False) for answer in again] == taken
    assert [answer.read_back for answer in again] == [True, True]
    assert rems.said() == [(1, 1, "accepted")]
    with pytest.raises(Halt, match="rems-acknowledgements/3/0"):
        rems.say_at([(Position(3, 0), b"other")])


def test_after_a_resubmission_one_more_counts(rems: Rems) -> None:
    """An open record takes its first; an accepted one stays accepted; one more than was submitted contradicts."""
    first, second = rems.records(2)
    rems.say(acknowledgement(first))
    resubmit(rems.ledger, first, 1)
    resubmit(rems.ledger, second, 2)
    kinds = rems.say(
        acknowledgement(first, "rejected"), acknowledgement(first), acknowledgement(first), acknowledgement(second, "rejected"),
        acknowledgement(second), acknowledgement(second),
    )  # fmt: skip
    assert kinds == ["aside", "acknowledgement", "aside", "acknowledgement", "acknowledgement", "aside"]
    assert rems.said() == [(1, 1, "accepted"), (1, 2, "accepted"), (2, 1, "rejected"), (2, 2, "accepted")]


def test_a_batch_costs_the_same_statements_whatever_its_size(rems: Rems) -> None:
    records = rems.records(120)
    sent = []
    for first, last in ((0, 4), (4, 120)):
        messages = [acknowledgement(record, "accepted" if number % 2 else "rejected") for number, record in enumerate(records[first:last])]
        with counted() as told:
            rems.say(*messages, b"rubbish", acknowledgement("unknown"), messages[0])
        sent.append(told)
    assert sent[0] == sent[1]
    assert len(sent[0]) <= 7


def test_what_an_acknowledgement_does() -> None:
    """By what was said before, in every way that it can be."""
    nothing, accepted = Acknowledged("p", 1), Acknowledged("p", 1, ("accepted",), (b"a",))
    rejected = Acknowledged("p", 1, ("rejected",), (b"r",))
    assert what_it_does(None, "p", "accepted", b"x") == "acknowledgement_unknown"
    assert what_it_does(nothing, "q", "accepted", b"x") == "acknowledgement_of_other_program"
    assert what_it_does(nothing, None, "accepted", b"x") == "acknowledgement"
    assert what_it_does(accepted, "p", "accepted", b"a") == "repeat"
    for before in (accepted, rejected):
        for status in ("accepted", "rejected"):
            assert what_it_does(before, "p", status, b"x") == "acknowledgement_contradicts"
    assert what_it_does(accepted._replace(submissions=2), "p", "rejected", b"x") == "acknowledgement_contradicts"
    assert what_it_does(rejected._replace(submissions=2), "p", "accepted", b"x") == "acknowledgement"
    assert what_it_does(rejected._replace(submissions=2), "p", "rejected", b"x") == "acknowledgement"


def test_the_chain_binds_it(rems: Rems) -> None:
    """An acknowledgement that a superuser altered is found."""
    [record] = rems.records()
    rems.say(acknowledgement(record), b"rubbish")
    with transaction(rems.ledger.engine) as cursor:
        assert isinstance(walk(cursor.connection), Walked)
    with transaction(rems.ledger.engine) as cursor:
        cursor.execute("ALTER TABLE acknowledgement DISABLE TRIGGER only_added")
        cursor.execute("UPDATE acknowledgement SET status = 'rejected'")
    with transaction(rems.ledger.engine) as cursor:
        found = walk(cursor.connection)
    assert isinstance(found, Finding)
    assert found.sentence == "The rows that it recorded are not as they were."

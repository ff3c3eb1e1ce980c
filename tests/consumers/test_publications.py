"""What an answer says to the world, and in which order: withdrawals before what comes in their place."""

from uuid import UUID

from consumers.publications import Publication, publications_for
from gatekeeper.arrivals import Answer, Examined, Position, Stored

ORIGIN = [("source", b"shipment-orders/2/7"), ("chain", b"ab12")]


def examined(number: int, *, released: bytes | None = None, stopped: bytes | None = None) -> Examined:
    return Examined(UUID(int=number), "SO-1", released, stopped, (Stored(f"record-{number}", b"r"),), (Stored(f"alert-{number}", b"a"),))


def test_a_repeat_says_nothing() -> None:
    assert publications_for(Answer(Position(2, 7), "repeat", "ab12", read_back=False), "shipment-orders") == ()


def test_a_refusal_goes_out_under_its_digest() -> None:
    answer = Answer(Position(2, 7), "refused", "ab12", read_back=True, refusal=Stored("digest", b"why"))
    expected = Publication("refused-messages", b"digest", b"why", [("id", b"digest"), *ORIGIN])
    assert publications_for(answer, "shipment-orders") == (expected,)


def test_examinations_go_out_one_after_the_other() -> None:
    """Of each: released, stopped, records, alerts; the bytes are those that were given, the ids of each its own."""
    answer = Answer(
        Position(2, 7), "order", "ab12", read_back=False,
        examinations=(examined(1, released=b"withdrawn", stopped=b"superseded"), examined(2, stopped=b"held")),
    )  # fmt: skip
    said = publications_for(answer, "shipment-orders")

    assert [(each.topic, each.key, each.value) for each in said] == [
        ("shipments-released", b"SO-1", b"withdrawn"), ("shipments-stopped", b"SO-1", b"superseded"),
        ("distribution-records", b"record-1", b"r"), ("compliance-alerts", b"alert-1", b"a"),
        ("shipments-stopped", b"SO-1", b"held"), ("distribution-records", b"record-2", b"r"), ("compliance-alerts", b"alert-2", b"a"),
    ]  # fmt: skip
    assert [dict(each.headers)["id"] for each in said] == [
        str(UUID(int=1)).encode(), str(UUID(int=1)).encode(), b"record-1", b"alert-1", str(UUID(int=2)).encode(), b"record-2", b"alert-2",
    ]  # fmt: skip
    assert all(each.headers[1:] == ORIGIN for each in said)

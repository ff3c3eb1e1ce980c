"""What of the outbox goes out next: each entry once, those of an order in their order, and nothing is held up by another."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.kafka.place import Place
from consumers.outbox import choose
from gatekeeper.storage.outbox import After, Entry

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def entry(number: int, order: str = "", after: int | None = None, size: int = 1) -> Entry:
    place = None if after is None else After("shipment-orders", "id", 0, after)
    return Entry(number, number if order else None, None, ("WD-001", order) if order else None, place, f"hash-{number}", AT, size)


def never(_: After) -> bool:
    return False


def test_one_that_waits_holds_up_the_later_ones_of_its_order_alone() -> None:
    entries = [entry(1), entry(2, "SO-1", after=7), entry(3, "SO-1"), entry(4, "SO-2"), entry(5)]
    chosen = choose(Place(1), entries, never)
    assert [each.number for each in chosen.entries] == [1, 4, 5]
    assert chosen.place == Place(6, (2, 3), "hash-5")

    later = choose(chosen.place, [entries[1], entries[2], entry(6, "SO-1")], lambda after: after.offset <= 7)
    assert [each.number for each in later.entries] == [2, 3, 6]
    assert later.place == Place(7, (), "hash-6")


def test_when_too_many_wait_nothing_later_is_looked_at() -> None:
    """Until one of them goes out."""
    entries = [entry(number, f"SO-{number}", after=number) for number in range(1, 5)]
    full = choose(Place(1), [*entries, entry(5)], never, most_waiting=3)
    assert (full.full, full.entries, full.place) == (True, (), Place(4, (1, 2, 3), "hash-3"))
    freed = choose(full.place, [*entries, entry(5)], lambda after: after.offset == 2, most_waiting=3)
    assert [each.number for each in freed.entries] == [2, 5]
    assert freed.place == Place(6, (1, 3, 4), "hash-5")


def test_what_is_published_at_once_is_bounded_but_never_nothing() -> None:
    entries = [entry(1, "SO-1", after=0, size=60), entry(2, "SO-1", size=60), entry(3, size=10), entry(4, size=60)]
    waiting = choose(Place(1), entries[:2], never)
    first = choose(waiting.place, entries, lambda _: True, most_bytes=100)
    assert [each.number for each in first.entries] == [1, 3]
    assert first.place == Place(4, (2,), "hash-3")
    large = choose(Place(1), [entry(1, size=1000), entry(2)], never, most_bytes=100)
    assert [each.number for each in large.entries] == [1]
    assert large.place == Place(2, (), "hash-1")


@settings(max_examples=200)
@given(
    outbox=st.lists(st.tuples(st.sampled_from(["", "SO-1", "SO-2", "SO-3"]), st.none() | st.integers(0, 9), st.integers(1, 50))),
    moves=st.lists(st.integers(0, 12), min_size=1),
    at_once=st.integers(1, 4),
    most_waiting=st.integers(1, 4),
)
def test_every_entry_goes_out_once_and_after_what_it_waits_for(
    outbox: list[tuple[str, int | None, int]], moves: list[int], at_once: int, most_waiting: int
) -> None:
    """However the group that is waited for comes along, and wherever the relay begins anew: all it keeps is its place."""
    entries = {number: entry(number, *told) for number, told in enumerate(outbox, 1)}
    place, out, committed = Place(1), list[Entry](), 0
    for move in [*moves, *[10] * (2 * len(outbox))]:
        committed = max(committed, move)
        seen = [entries[number] for number in (*place.waiting, *range(place.next, place.next + at_once)) if number in entries]
        chosen = choose(place, seen, lambda after: committed > after.offset, most_waiting=most_waiting, most_bytes=80)  # noqa: B023
        assert all(each.after is None or each.after.offset < committed for each in chosen.entries)
        assert len(chosen.place.waiting) <= most_waiting
        assert all(number < chosen.place.next for number in chosen.place.waiting)
        out += chosen.entries
        place = chosen.place
    assert sorted(each.number for each in out) == sorted(entries)
    for order in {each.order for each in out if each.order}:
        numbers = [each.number for each in out if each.order == order]
        assert numbers == sorted(numbers)

"""Which record of a line is live, and how much of it left."""

from uuid import UUID

from gatekeeper.goods.books import Entry, Report, came_back, live, returned, shipped


def name(number: int) -> UUID:
    return UUID(int=number)


ORIGINAL = Entry(name(1), "original", None, 5)
VOID = Entry(name(2), "void", name(1), 5)
SHORT = Entry(name(3), "correction", name(1), 3)
WHOLE = Entry(name(4), "correction", name(3), 5)
BACK = Entry(name(5), "return", name(3), 2)


def test_a_record_is_live_until_another_voids_or_replaces_it() -> None:
    """A return ends nothing; a correction after a void restores; the order in which they are told does not matter."""
    assert live([ORIGINAL]) == [ORIGINAL]
    assert live([ORIGINAL, VOID]) == []
    assert live([ORIGINAL, SHORT, BACK]) == [SHORT]
    assert live([ORIGINAL, SHORT, BACK, WHOLE]) == [WHOLE]
    assert live([SHORT, VOID, ORIGINAL]) == [SHORT]


def test_partial_shipments_add_up_and_one_without_a_quantity_is_of_all() -> None:
    assert shipped([], 5) == 0
    assert shipped([Report(2), Report(2)], 5) == 4
    assert shipped([Report(2), Report(None)], 5) == 5
    assert shipped([Report(6), Report(None)], 5) == 6
    assert returned([ORIGINAL, SHORT, BACK, BACK._replace(record_id=name(6))]) == 4


def test_a_return_counts_until_it_is_void() -> None:
    """What becomes of the record that it is about does not end it."""
    again, not_back = BACK._replace(record_id=name(6)), Entry(name(7), "void", BACK.record_id, 2)
    assert came_back([ORIGINAL, SHORT, BACK, again, WHOLE, Entry(name(8), "void", name(4), 5)]) == [BACK, again]
    assert came_back([not_back, ORIGINAL, SHORT, BACK, again]) == [again]
    assert (returned([SHORT, BACK, again, not_back]), live([ORIGINAL, SHORT, BACK, not_back])) == (2, [SHORT])

"""The registry in memory."""

from datetime import UTC, datetime, timedelta

from gatekeeper.domain.case import Earlier
from gatekeeper.judging.known import Known
from tests.domain.worlds_of_cases import AT, site

UNITS = ("units", "lemtrada", "AU-1")
SERIAL = ("serial", "00358468020017", "S1")


def test_about_what_it_was_never_told_nothing_is_known() -> None:
    known = Known()
    assert known[("as_of", "lemtrada")] is None
    assert known[UNITS] == 0
    assert known[SERIAL] is None
    for kind in ("mode", "patient", "prescriber", "authorization", "recall", "site", "identifier", "order"):
        assert known[(kind, "lemtrada", "X")] == ()


def test_a_value_is_carried_by_each_site_once() -> None:
    known = Known()
    for one in (site("A", "pharmacy"), site("A", "pharmacy"), site("B", "pharmacy")):
        known.tell(one._replace(identifiers=(("npi", ("1234567893",)),)))
    assert known[("identifier", "npi", "1234567893")] == ("A", "B")
    assert len(known[("site", "A")]) == 2


def test_a_registry_does_not_grow_older() -> None:
    known = Known()
    known.tell_as_of("lemtrada", AT)
    known.tell_as_of("lemtrada", AT - timedelta(hours=1))
    assert known[("as_of", "lemtrada")] == AT
    known.tell_as_of("lemtrada", datetime(2027, 1, 1, tzinfo=UTC))
    assert known[("as_of", "lemtrada")] == datetime(2027, 1, 1, tzinfo=UTC)


def test_what_is_released_counts_until_it_is_withdrawn() -> None:
    known = Known()
    uses: list[tuple[tuple[str, ...], int | str]] = [(UNITS, 3), (SERIAL, "WD-001/SO-1/1/1")]
    known.released(uses)
    known.released([(UNITS, 2)])
    assert (known[UNITS], known[SERIAL]) == (5, "WD-001/SO-1/1/1")
    known.withdrawn(uses)
    assert (known[UNITS], known[SERIAL]) == (2, None)


def test_messages_of_an_order_are_kept_apart_by_wholesaler() -> None:
    known = Known()
    known.arrived("WD-001", "SO-1", Earlier(1, "a"))
    known.arrived("WD-001", "SO-1", Earlier(2, "b"))
    known.arrived("WD-002", "SO-1", Earlier(1, "c"))
    assert known[("order", "WD-001", "SO-1")] == (Earlier(1, "a"), Earlier(2, "b"))

"""Days, anniversaries, last valid days."""

from datetime import UTC, date, datetime

import pytest

from gatekeeper.domain.calendar import anniversary, day_in, last_valid_day

NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 11, 21, 4, 59, 59, 999999, UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 21, 5, 0, 0, 0, UTC), date(2026, 11, 21)),
        (datetime(2026, 7, 2, 3, 59, 59, 0, UTC), date(2026, 7, 1)),
        (datetime(2026, 7, 2, 4, 0, 0, 0, UTC), date(2026, 7, 2)),
        (datetime(2026, 11, 1, 5, 30, 0, 0, UTC), date(2026, 11, 1)),
        (datetime(2026, 11, 1, 3, 59, 59, 0, UTC), date(2026, 10, 31)),
    ],
)
def test_day_in_new_york(at: datetime, day: date) -> None:
    assert day_in(at, NEW_YORK) == day


def test_each_zone_has_its_own_day() -> None:
    at = datetime(2026, 11, 21, 2, 0, 0, 0, UTC)
    assert [day_in(at, zone) for zone in (NEW_YORK, "UTC", "Pacific/Honolulu")] == [
        date(2026, 11, 20),
        date(2026, 11, 21),
        date(2026, 11, 20),
    ]


@pytest.mark.parametrize(
    ("day", "years", "later"),
    [
        (date(2024, 2, 29), 2, date(2026, 2, 28)),
        (date(2024, 2, 29), 4, date(2028, 2, 29)),
        (date(2024, 2, 28), 2, date(2026, 2, 28)),
        (date(2026, 11, 20), 2, date(2028, 11, 20)),
        (date(2199, 12, 31), 50, date(2249, 12, 31)),
    ],
)
def test_anniversary(day: date, years: int, later: date) -> None:
    assert anniversary(day, years) == later


@pytest.mark.parametrize(
    ("certified_on", "valid_through", "last"),
    [
        (date(2024, 2, 29), None, date(2026, 2, 27)),
        (date(2024, 3, 1), None, date(2026, 2, 28)),
        (date(2024, 3, 1), date(2025, 1, 1), date(2025, 1, 1)),
        (None, date(2025, 1, 1), date(2025, 1, 1)),
        (None, None, None),
    ],
)
def test_last_valid_day(certified_on: date | None, valid_through: date | None, last: date | None) -> None:
    assert last_valid_day(certified_on, valid_through, 2) == last

"""Days. A decision is made on a day of its program's time zone, never of UTC or of the machine."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


@lru_cache(64)
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(1024)
def day_in(at: datetime, time_zone: str) -> date:
    """The day that it is at ``at`` in the zone."""
    return at.astimezone(zone(time_zone)).date()


def anniversary(day: date, years: int) -> date:
    """The same day ``years`` later; of 29 February, 28 February where there is no 29th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


@lru_cache(16_384)
def last_valid_day(certified_on: date | None, valid_through: date | None, years: int) -> date | None:
    """The last day of a certificate: ``valid_through``, else the day before the anniversary; None without either date."""
    if valid_through is not None:
        return valid_through
    if certified_on is None:
        return None
    return anniversary(certified_on, years) - _DAY

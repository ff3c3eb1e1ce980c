"""Business days: Monday to Friday, without the federal holidays of the United States."""

from datetime import date, datetime, timedelta
from functools import lru_cache

import holidays

from gatekeeper.domain.days import ONE_DAY, begin_of

_HOLIDAYS = holidays.country_holidays("US")
_SATURDAY = 5


@lru_cache(4096)
def end_of_watch(ship_on: date, days: int, time_zone: str) -> datetime:
    """The end of the last of so many business days after ``ship_on``, in the zone."""
    return begin_of(business_day_after(ship_on, days) + ONE_DAY, time_zone)


def business_day_after(day: date, days: int) -> date:
    """The last of so many business days that follow ``day``; ``day`` itself where it is none."""
    while days > 0:
        day += timedelta(days=1)
        if day.weekday() < _SATURDAY and day not in _HOLIDAYS:
            days -= 1
    return day

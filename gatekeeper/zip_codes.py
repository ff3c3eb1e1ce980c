"""Where the ZIP codes of the United States lie, and which lie around one: facts beside the code, read when they are first asked for."""

from functools import cache
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Final, NamedTuple

PLACES: Final = Path(__file__).with_name("zip_codes.txt")
RADIUS: Final = 3958.7613
"""Of the earth, in miles: the mean one."""
MILES_A_DEGREE: Final = RADIUS * radians(1)


class Place(NamedTuple):
    """In degrees, the west negative."""

    latitude: float
    longitude: float


class Near(NamedTuple):
    """A ZIP code, and how far away it lies."""

    tenths: int
    """Of a mile, rounded: what is shown is what is compared."""
    zip_code: str


def around(zip_code: str, miles: int) -> list[Near] | None:
    """The ZIP codes at most so far from this one, itself among them, by their distance; None where nobody knows where it lies."""
    places = _places()
    middle = places.get(zip_code)
    if middle is None:
        return None
    # A circle reaches no further north or south than this.
    reach = (miles + 1) / MILES_A_DEGREE
    near = (
        Near(round(distance(middle, place) * 10), other)
        for other, place in places.items()
        if abs(place.latitude - middle.latitude) <= reach
    )
    return sorted(each for each in near if each.tenths <= miles * 10)


def distance(one: Place, other: Place) -> float:
    """Miles, as the crow flies, on a sphere."""
    north, east = radians(other.latitude - one.latitude) / 2, radians(other.longitude - one.longitude) / 2
    half = sin(north) ** 2 + cos(radians(one.latitude)) * cos(radians(other.latitude)) * sin(east) ** 2
    return 2 * RADIUS * asin(sqrt(min(1.0, half)))


@cache
def _places() -> dict[str, Place]:
    lines = [line.split() for line in PLACES.read_text(encoding="ascii").splitlines() if not line.startswith("#")]
    return {zip_code: Place(float(latitude), float(longitude)) for zip_code, latitude, longitude in lines}

"""Where the ZIP codes of the United States lie, and which lie around one: facts beside the code, read when they are first asked for."""

from bisect import bisect_left, bisect_right
from functools import cache
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Final, NamedTuple

FILE: Final = Path(__file__).with_name("zip_codes.txt")
RADIUS: Final = 3958.7613
"""Of the earth, in miles: the mean one."""
MILES_A_DEGREE: Final = RADIUS * radians(1)


class Place(NamedTuple):
    """In degrees, the west negative; and as a point of a sphere whose radius is 1."""

    latitude: float
    longitude: float
    x: float
    y: float
    z: float


class Near(NamedTuple):
    """A ZIP code, and how far away it lies."""

    tenths: int
    """Of a mile, rounded: what is shown is what is compared."""
    zip_code: str


def place(latitude: float, longitude: float) -> Place:
    north, east = radians(latitude), radians(longitude)
    return Place(latitude, longitude, cos(north) * cos(east), cos(north) * sin(east), sin(north))


def around(zip_code: str, miles: int) -> list[Near] | None:
    """The ZIP codes at most so far from this one, itself among them, by their distance; None where nobody knows where it lies."""
    places, latitudes, codes = _places()
    middle = places.get(zip_code)
    if middle is None:
        return None
    # A circle reaches no further north or south than this; and what is further away than its chord need not be measured.
    reach, longest = (miles + 1) / MILES_A_DEGREE, ((miles + 1) / RADIUS) ** 2
    found: list[tuple[int, str]] = []
    for code in codes[bisect_left(latitudes, middle.latitude - reach) : bisect_right(latitudes, middle.latitude + reach)]:
        chord = _chord(middle, places[code])
        if chord <= longest:
            tenths = round(_miles(chord) * 10)
            if tenths <= miles * 10:
                found.append((tenths, code))
    found.sort()
    return [Near(*each) for each in found]


def distance(one: Place, other: Place) -> float:
    """Miles, as the crow flies, on a sphere."""
    return _miles(_chord(one, other))


def _chord(one: Place, other: Place) -> float:
    """The square of the straight way between them, through the sphere."""
    _, _, x, y, z = one
    _, _, u, v, w = other
    return (x - u) * (x - u) + (y - v) * (y - v) + (z - w) * (z - w)


def _miles(chord: float) -> float:
    return 2 * RADIUS * asin(min(1.0, sqrt(chord) / 2))


@cache
def _places() -> tuple[dict[str, Place], list[float], list[str]]:
    """By code; and their latitudes, from the south to the north, with the codes in the same order."""
    lines = [line.split() for line in FILE.read_text(encoding="ascii").splitlines() if not line.startswith("#")]
    places = {zip_code: place(float(latitude), float(longitude)) for zip_code, latitude, longitude in lines}
    ordered = sorted((where.latitude, zip_code) for zip_code, where in places.items())
    return places, [latitude for latitude, _ in ordered], [zip_code for _, zip_code in ordered]

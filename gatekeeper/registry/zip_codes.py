"""Where the ZIP codes of the United States lie, and which lie around one: facts beside the code, read when they are first asked for."""

from bisect import bisect_left, bisect_right
from functools import cache
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("zip_codes.txt")
RADIUS: Final = 3958.7613
"""Of the earth, in miles: the mean one."""
Point = tuple[float, float, float]
"""Of a sphere whose radius is 1."""


def point(latitude: float, longitude: float) -> Point:
    """Where these degrees are, the west negative."""
    north, east = radians(latitude), radians(longitude)
    return cos(north) * cos(east), cos(north) * sin(east), sin(north)


def around(zip_code: str, miles: int) -> dict[str, int] | None:
    """The ZIP codes at most so far from this one, itself among them, the nearest first, each with how many tenths of a mile it is away.

    They are rounded: what is shown is what is compared. None where nobody knows where the code lies.
    """
    points, norths, codes = _places()
    middle = points.get(zip_code)
    if middle is None:
        return None
    # A circle reaches no further north or south than this; and what is further away than its chord need not be measured.
    (x, y, z), reach = middle, (miles + 1) / RADIUS
    found: dict[str, int] = {}
    for code in codes[bisect_left(norths, asin(z) - reach) : bisect_right(norths, asin(z) + reach)]:
        u, v, w = points[code]
        chord = (x - u) * (x - u) + (y - v) * (y - v) + (z - w) * (z - w)
        if chord <= reach * reach and (tenths := round(_miles(chord) * 10)) <= miles * 10:
            found[code] = tenths
    return {code: found[code] for code in sorted(sorted(found), key=found.__getitem__)}


def distance(one: Point, other: Point) -> float:
    """Miles, as the crow flies, on a sphere."""
    return _miles(sum((a - b) * (a - b) for a, b in zip(one, other, strict=True)))


def _miles(chord: float) -> float:
    """Along the sphere; of the straight way through it the square is given."""
    return 2 * RADIUS * asin(min(1.0, sqrt(chord) / 2))


@cache
def _places() -> tuple[dict[str, Point], list[float], list[str]]:
    """By code; and how far north they are, from the south on, with the codes in the same order."""
    lines = [line.split() for line in FILE.read_text(encoding="ascii").splitlines() if not line.startswith("#")]
    points = {zip_code: point(float(latitude), float(longitude)) for zip_code, latitude, longitude in lines}
    codes = sorted(points, key=lambda code: points[code][2])
    return points, [asin(points[code][2]) for code in codes], codes

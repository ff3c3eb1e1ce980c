"""Which product a line names: NDC and GTIN against the programs' tables of covered packages and watched products."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from gatekeeper.domain.identifiers import gs1_check_digit, gtin_14
from gatekeeper.domain.order import Order
from gatekeeper.domain.program import CoveredPackage, Program

_SEGMENTS = re.compile(r"([0-9]{4,6})-([0-9]{3,4})-([0-9]{1,2})", re.ASCII)
_FORMS = frozenset({(4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2), (6, 4, 2), (6, 3, 2), (6, 4, 1)})
_HRI = re.compile(r"[0-9]{4}-[0-9]{6}|[0-9]{5}-[0-9]{5}", re.ASCII)
_UNHYPHENATED = re.compile(r"[0-9]{10,12}", re.ASCII)
_SPLITS = {10: ((4, 4), (5, 3), (5, 4)), 11: ((5, 4),), 12: ((6, 4),)}


class Row(NamedTuple):
    """A covered package and the program in whose table it stands."""

    program: Program
    package: CoveredPackage


class Reading(NamedTuple):
    """What the product codes of a line say, before it is asked which programs are in force."""

    gtin_rows: tuple[Row, ...]
    ndc_rows: tuple[Row, ...]
    watching: tuple[Program, ...]
    """Programs that watch a product of which a reading is."""
    ndc_keys: tuple[str, ...]
    gtin: str | None
    """14 digits; None where none is given or it is wrong in itself."""
    gtin_is_wrong: bool
    unreadable: bool
    """The NDC has no reading at all, and no GTIN stands beside it."""
    nobodys: bool
    """Whatever programs are in force, none restricts this."""


class Product(NamedTuple):
    """What a line is found to be. With a row, all rules of its program run; with ``problem`` alone, only that one is told."""

    row: Row | None = None
    problem: str | None = None
    candidates: tuple[str, ...] = ()
    """For a person: the packages that an ambiguous NDC fits, or the programs that watch the product."""


NOT_COVERED = Product()


def ndc_readings(text: str) -> tuple[str, ...] | None:
    """Every 6-4-2 key that an NDC can have; () for the HRI forms, which are nobody's; None where it is no NDC at all."""
    if segments := _SEGMENTS.fullmatch(text):
        labeler, product, package = segments.groups()
        if (len(labeler), len(product), len(package)) not in _FORMS:
            return None
        return (labeler.rjust(6, "0") + product.rjust(4, "0") + package.rjust(2, "0"),)
    if _UNHYPHENATED.fullmatch(text):
        return tuple(
            dict.fromkeys(
                text[:a].rjust(6, "0") + text[a : a + b].rjust(4, "0") + text[a + b :].rjust(2, "0") for a, b in _SPLITS[len(text)]
            )
        )
    return () if _HRI.fullmatch(text) else None


def gtin_of(ndc10: str) -> str:
    """The GTIN made of ``003``, the ten digits of an NDC and the check digit."""
    body = "003" + ndc10
    return body + gs1_check_digit(body)


def ndc_of_record(key: str) -> str:
    """The key as it stands in a distribution record: 5-4-2 where the labeler has five digits, else 6-4-2."""
    labeler = key[1:6] if key[0] == "0" else key[:6]
    return f"{labeler}-{key[6:10]}-{key[10:]}"


@lru_cache(8192)
def read_product(ndc: str | None, gtin: str | None, programs: tuple[Program, ...]) -> Reading:
    """What the codes say, over the tables of all these programs."""
    keys = None if ndc is None else ndc_readings(ndc)
    padded = None if gtin is None else gtin_14(gtin)
    rows = [Row(program, package) for program in programs for package in program.packages]
    gtin_rows = tuple(row for row in rows if padded is not None and row.package.gtin == padded)
    ndc_rows = tuple(row for row in rows if row.package.ndc in (keys or ()))
    products = {key[:10] for key in keys or ()}
    if padded is not None and padded[1:3] == "03":
        products |= {key[:10] for key in ndc_readings(padded[3:13]) or ()}
    watching = tuple(program for program in programs if not products.isdisjoint(program.watched))
    gtin_is_wrong = gtin is not None and padded is None
    unreadable = ndc is not None and keys is None and gtin is None
    nobodys = not (gtin_rows or ndc_rows or watching or gtin_is_wrong or unreadable)
    return Reading(gtin_rows, ndc_rows, watching, keys or (), padded, gtin_is_wrong, unreadable, nobodys)


def codes_disagree(reading: Reading, package: CoveredPackage, *, ndc_given: bool, gtin_given: bool) -> bool:
    """Whether a code of the line is not one of this package."""
    return (ndc_given and package.ndc not in reading.ndc_keys) or (gtin_given and package.gtin != reading.gtin)


def find_product(  # noqa: PLR0911 - one return for each way out
    reading: Reading, programs: tuple[Program, ...], in_force: Callable[[Program], bool]
) -> Product:
    """The product by contract section 5, "Which product". Asks ``in_force`` only of programs on which the answer hangs."""
    if reading.nobodys:
        return NOT_COVERED
    for row in reading.gtin_rows:
        if in_force(row.program):
            return Product(row)
    fitting = [row for row in reading.ndc_rows if in_force(row.program)]
    if len(fitting) == 1:
        return Product(fitting[0])
    if reading.gtin_is_wrong:
        return Product(problem="product_identifiers_disagree") if any(map(in_force, programs)) else NOT_COVERED
    if fitting:
        return Product(problem="product_ambiguous", candidates=tuple(sorted(ndc_of_record(row.package.ndc) for row in fitting)))
    watching = tuple(program.name for program in reading.watching if in_force(program))
    if watching or (reading.unreadable and any(map(in_force, programs))):
        return Product(problem="product_unknown", candidates=watching)
    return NOT_COVERED


def covered_package(ndc: str | None, gtin: str | None, programs: tuple[Program, ...]) -> CoveredPackage | None:
    """The covered package that the codes name, whatever the mode of its program."""
    reading = read_product(ndc, gtin, programs)
    if reading.nobodys:
        return None
    row = find_product(reading, programs, lambda _: True).row
    return None if row is None else row.package


def restricted_by(ndc: str | None, gtin: str | None, programs: tuple[Program, ...]) -> tuple[Program, ...]:
    """The programs of which it hangs on their modes whether these codes are restricted, in their order."""
    reading = read_product(ndc, gtin, programs)
    if reading.gtin_is_wrong or reading.unreadable:
        # It is asked whether any program at all is in force.
        return programs
    names = {row.program.name for row in (*reading.gtin_rows, *reading.ndc_rows)} | {program.name for program in reading.watching}
    return tuple([program for program in programs if program.name in names])


def touched_by(order: Order, programs: tuple[Program, ...]) -> tuple[Program, ...]:
    """The programs on whose rules a decision of the order can hang, in their order; with these alone it is decided the same."""
    touched: set[str] = set()
    for line in order.lines:
        if not read_product(line.ndc, line.gtin, programs).nobodys:
            touched.update([program.name for program in restricted_by(line.ndc, line.gtin, programs)])
    return tuple([program for program in programs if program.name in touched])

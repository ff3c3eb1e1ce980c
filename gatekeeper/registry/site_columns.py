"""Columns of a table of sites that stand under each other's names, noticed by what is in them.

A table is refused where its columns are certainly not what their names say. One odd value says nothing: what counts is most of a column, of
three values at least; of fewer, only two columns each of which has what the other is for. What a name, a site's id or an account looks like
nobody knows, so what stands there in another's place is noticed by that other alone. ``docs/decisions/0016`` says what is not noticed.
"""

import re
from collections import Counter
from collections.abc import Callable
from itertools import permutations
from typing import Final, NamedTuple

from msgspec import UNSET

from gatekeeper.domain.identifiers import npi_is_valid
from gatekeeper.errors import Unusable
from gatekeeper.registry.states import state_of, zip_is_of
from schemas.fact import Fact, SiteFact

UNIT: Final = re.compile(r"(?:#|(?:APT|BLDG|BUILDING|DEPT|FL|FLOOR|RM|ROOM|STE|SUITE|UNIT)\b)", re.IGNORECASE)
HOUSE: Final = re.compile(r"[0-9]+[A-Za-z]?(?:-[0-9]+)?\s+\S")
HIN: Final = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[0-9A-Za-z]{7}(?:[0-9A-Za-z]{2})?")
CALLED: Final = re.compile(r"[^\W\d_]{3}")
BEGINS_ODDLY: Final = re.compile(r"[0-9]")
ZIP: Final = "address.postal_code"
STREET, STREET2, CITY, STATE = "address.street", "address.street2", "address.city", "address.state"
PERSON: Final = "authorized_representative"


class Form(NamedTuple):
    """What the values of a column look like."""

    what: str
    fits: Callable[[str], object]
    alone: bool = True
    """A column whose values do not look like that is certainly another."""


FORMS: Final = {
    "identifiers.npi": Form("an NPI", re.compile(r"[12][0-9]{9}").fullmatch),
    "identifiers.dea": Form("a DEA number", re.compile(r"[A-Za-z][A-Za-z0-9][0-9]{7}").fullmatch),
    "identifiers.ncpdp_id": Form("an NCPDP id", re.compile(r"[0-9]{7}").fullmatch),
    "identifiers.hin": Form("a HIN", HIN.fullmatch),
    "identifiers.gln": Form("a GLN", re.compile(r"[0-9]{13}").fullmatch),
    ZIP: Form("a ZIP code", re.compile(r"[0-9]{5}(?:-?[0-9]{4})?").fullmatch),
    STATE: Form("a state", state_of),
    CITY: Form("a city", lambda text: CALLED.search(text) and not (BEGINS_ODDLY.match(text) or UNIT.match(text))),
    PERSON: Form("a person", lambda text: CALLED.search(text) and not (BEGINS_ODDLY.match(text) or UNIT.match(text)), alone=False),
    STREET: Form("a street with its number", HOUSE.match, alone=False),
    STREET2: Form("a part of a building", UNIT.match, alone=False),
}
OF_ANY_WORDS: Final = frozenset({CITY, PERSON})
"""What a name may look like as well: another column without a form of its own does not show that these are wrong."""
NOBODY_ELSES: Final = frozenset({"identifiers.npi", "identifiers.dea", "identifiers.gln"})
"""What nothing else looks like: one value of it is enough."""
ENOUGH: Final = 3
"""Of so many values most must be odd before they say anything of a column."""
MANY: Final = 20
"""In so many rows all must be odd where a row may be so, or most where a value may be."""
BEFORE_THE_END: Final = ("certified_on", "effective_on")
"""A site is not certified from a day on, and mostly not told to be, on which its certificate was over."""
NOT_TOLD: Final = (STREET2, STREET)
"""A building's name may well stand before the street."""


class Columns:
    """What is in the columns of a table, row by row."""

    def __init__(self, name: object, columns: list[str]) -> None:
        self._name = name
        self._columns = [(place, column, FORMS.get(column)) for place, column in enumerate(columns)]
        self._formed = [column for column in columns if column in FORMS]
        self._given = Counter[str]()
        self._fitting = Counter[str]()
        self._first = Counter[str]()
        self._crossing = Counter[tuple[str, str]]()
        """Of the first values: how many of a column have the form of another."""
        self._valid = Counter[bool]()
        self._days = dict.fromkeys(BEFORE_THE_END, 0)
        self._backward = dict.fromkeys(BEFORE_THE_END, 0)
        self._ahead = Counter[int]()
        self._there = Counter[bool]()

    def look_at(self, row: list[str], fact: Fact) -> None:
        """One more row, and the fact that it writes."""
        for place, column, form in self._columns:
            if cell := row[place]:
                values = cell.split("|") if column.startswith("identifiers.") else [cell]
                if self._given[column] < MANY:
                    self._first[column] += 1
                    for other in self._formed:
                        self._crossing[column, other] += any(map(FORMS[other].fits, values))
                self._given[column] += 1
                if form is not None:
                    self._fitting[column] += any(map(form.fits, values))
        if isinstance(fact, SiteFact):
            self._look_at_days(fact)
            self._look_at_what_must_agree(fact)

    def _look_at_days(self, fact: SiteFact) -> None:
        if fact.status != "certified" or fact.certified_on is UNSET:
            return
        self._ahead[(fact.certified_on > fact.effective_on) - (fact.certified_on < fact.effective_on)] += 1
        for name, day in zip(BEFORE_THE_END, (fact.certified_on, fact.effective_on), strict=True):
            if fact.valid_through is not UNSET:
                self._days[name] += 1
                self._backward[name] += fact.valid_through < day

    def _look_at_what_must_agree(self, fact: SiteFact) -> None:
        if fact.identifiers is not UNSET and fact.identifiers.npi is not UNSET:
            self._valid[any(map(npi_is_valid, fact.identifiers.npi))] += 1
        if fact.address is not UNSET and (state := state_of(fact.address.state)) is not None:
            self._there[zip_is_of(fact.address.postal_code, state)] += 1

    def refuse(self) -> None:
        """Raises ``Unusable`` where the columns are not what they are called. All rows were looked at."""
        for column in self._formed:
            given, fitting, form = self._given[column], self._fitting[column], FORMS[column]
            if form.alone and given >= ENOUGH and fitting * 2 < given:
                raise self._swapped(f"{fitting or 'none'} of the {given} values of the column {column} look like {form.what}")
        for one, other in permutations(self._given, 2):
            if self._has(one, other):
                raise self._swapped(f"what stands in the column {one} looks like {FORMS[other].what}, and what stands in {other} does not")
        self._refuse_days()
        if self._valid.total() >= MANY and self._valid[True] * 2 < self._valid.total():
            raise self._swapped("most values of the column identifiers.npi have not the check digit of an NPI")
        if self._there.total() >= ENOUGH and self._there[True] * 2 < self._there.total():
            raise self._swapped(f"most values of the column {ZIP} are no ZIP codes of their states")

    def _refuse_days(self) -> None:
        certified, told = BEFORE_THE_END
        if self._backward[certified] * 2 > self._days[certified]:
            raise self._swapped("most certificates end before they begin, by valid_through and certified_on")
        # No certificate ends before it begins; but a fact may be told of one that is over.
        if self._days[told] >= MANY and self._backward[told] == self._days[told]:
            raise self._swapped("every valid_through is before its effective_on")
        if self._ahead[1] >= MANY and not self._ahead[-1]:
            raise self._swapped("no certified_on is before its effective_on, and most are after it")

    def _has(self, one: str, other: str) -> bool:
        """Whether a column has what another is for, and that one has not; of few values, only where it is so the other way round too."""
        if other not in FORMS or (one, other) == NOT_TOLD or not (self._odd(one) and self._odd(other) and self._looks(one, other)):
            return False
        if one in FORMS and self._looks(other, one):
            return True
        return other not in OF_ANY_WORDS and (other in NOBODY_ELSES or min(self._first[one], self._first[other]) >= ENOUGH)

    def _looks(self, one: str, other: str) -> bool:
        return self._crossing[one, other] * 2 > self._first[one]

    def _odd(self, column: str) -> bool:
        """Whether most of its values are not what the column is for; where nobody knows what these look like, they may be."""
        return column not in FORMS or self._crossing[column, column] * 2 < self._first[column]

    def _swapped(self, what: str) -> Unusable:
        return Unusable(f"{self._name}: {what}: columns changed places.")

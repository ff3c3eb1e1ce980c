"""A line of a covered product, with all that it is judged by."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from tests.oracle.history import History, Order
from tests.oracle.products import Row
from tests.oracle.registry import Fact, Known, Program, holding, told
from tests.oracle.sites import Found, find_site


@dataclass(frozen=True)
class Case:
    """A line of a covered product, and all that it is judged by."""

    order: Order
    line: dict[str, Any]
    known: Known
    history: History
    row: Row
    product_codes: tuple[str, ...]

    @cached_property
    def found(self) -> Found:
        """The site, or why there is none."""
        return find_site(self.order, self.facts, self.program.name, self.today)

    @property
    def facts(self) -> list[Fact]:
        """The registry."""
        return self.known.facts

    @property
    def program(self) -> Program:
        """The program of the covered package."""
        return self.known.program

    @cached_property
    def today(self) -> date:
        """'The day in the program's time zone … on which the decision is made'"""
        return self.known.today

    @property
    def site(self) -> Fact | None:
        """The site found, as it stands today."""
        return self.found.site

    @property
    def deliver_by(self) -> date:
        """'(where absent: `ship_on` plus the program's transit days, Lemtrada 1)'"""
        if "deliver_by" in self.order:
            return date.fromisoformat(self.order["deliver_by"])
        return date.fromisoformat(self.order["ship_on"]) + timedelta(days=self.program.transit_days)

    def named(self, member: str) -> str | None:
        """What the line says of its patient."""
        found: str | None = self.line.get("patient", {}).get(member)
        return found

    @property
    def authorization(self) -> Fact | None:
        """'An authorization is judged on the day of the decision.'"""
        return self.about("authorization", authorization_id=self.named("authorization_id"))

    def about(self, kind: str, **subject: str | None) -> Fact | None:
        """The fact that holds for a subject today."""
        if None in subject.values():
            return None
        return holding(told(self.facts, self.program.name, kind, **{k: str(v) for k, v in subject.items()}), self.today)

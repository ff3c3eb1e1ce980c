"""What was answered before: repeats, contradictions, revisions, and what releases have used up."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.oracle.products import product_of
from tests.oracle.registry import Program

Order = dict[str, Any]


class LineAnswer(NamedTuple):
    """What becomes of a line; a code in brackets is told and does not stop."""

    outcome: str
    codes: list[str]
    site_id: str | None


@dataclass(frozen=True)
class Release:
    """Units and serials that a released covered line holds."""

    wholesaler_id: str
    order_id: str
    revision: int
    authorization_id: str | None
    units: int
    gtin: str
    serials: frozenset[str]


@dataclass
class History:
    """The messages that were read, each with its answer, and the releases, in order."""

    messages: list[tuple[Order, list[LineAnswer]]] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)

    def with_release(self, release: Release) -> "History":
        """The same history and one more release: lines of one order count for those after them."""
        return History(self.messages, [*self.releases, release])

    def of_order(self, order: Order) -> list[tuple[Order, list[LineAnswer]]]:
        """The messages about the same order of the same wholesaler, of any revision."""
        return [
            (earlier, lines)
            for earlier, lines in self.messages
            if (earlier["wholesaler_id"], earlier["order_id"]) == (order["wholesaler_id"], order["order_id"])
        ]

    def counting(self, order: Order) -> list[Release]:
        """'A higher revision supersedes the lower ones. What a lower revision released … is withdrawn, whatever becomes of the higher
        one: its units and serials no longer count.'"""
        seen = [earlier for earlier, _ in self.messages] + [order]
        return [
            release
            for release in self.releases
            if not any(
                (m["wholesaler_id"], m["order_id"]) == (release.wholesaler_id, release.order_id) and m["revision"] > release.revision
                for m in seen
            )
        ]


def release_of(order: Order, line: dict[str, Any], program: Program) -> Release:
    """What a released line of a covered product holds."""
    order, line = content(order, program), without_empty(line)
    row = product_of(line["product"], program.rows, program.watched).row
    return Release(
        order["wholesaler_id"],
        order["order_id"],
        order["revision"],
        line.get("patient", {}).get("authorization_id"),
        line["quantity"],
        row.gtin if row else "",
        frozenset(line.get("serials", [])),
    )


def content(order: Order, program: Program) -> Order:
    """'Content is the parsed JSON with the defaults of `revision` and `unit` (of a covered product, whatever the mode) filled in';
    'An optional member that is "" counts as not given …, also for the content.'"""
    given: Order = without_empty(order)
    lines = [
        line if product_of(line["product"], program.rows, program.watched).row is None else {"unit": program.unit} | line
        for line in given["lines"]
    ]
    return {"revision": 1} | given | {"lines": lines}


def without_empty(value: Any) -> Any:
    """'An optional member that is "" counts as not given'; a needed one that is empty is never read. '(an empty list counts as none
    given)' is said of serials."""
    if isinstance(value, dict):
        return {member: without_empty(held) for member, held in value.items() if held != "" and not (member == "serials" and held == [])}
    return [without_empty(held) for held in value] if isinstance(value, list) else value

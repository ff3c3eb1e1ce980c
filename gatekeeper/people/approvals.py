"""What needs two people: who approves is another than who proposed, and the approval carries name, time and meaning."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg import Cursor

from gatekeeper.errors import Unusable
from gatekeeper.people.access import Person

SITE_ALIAS, SNAPSHOT, CORRECTION, BYPASS, VOID = "site_alias", "snapshot", "correction", "bypass", "void"
VOID_OF_RETURN = "void of a return"
MEANINGS: Final = {
    SITE_ALIAS: "I saw the evidence: the address or account is the site's, and may make an order agree with it.",
    SNAPSHOT: "The sites that this file loses are really lost: it is to be loaded as it is.",
    CORRECTION: "The record was wrong, and says what was so with these changes: the correction is to replace it.",
    BYPASS: "The goods left as is said here: a distribution record is to be made of them.",
    VOID: "The goods of this record stayed: it is to be void, and what it used up is free.",
    VOID_OF_RETURN: "This return did not happen so: its record is to be void, and what it says came back is out.",
}
"""What somebody says who approves, by what is approved: of a void it hangs on the kind of the record."""
OF_KIND: Final = "SELECT about, person, name, meaning, at FROM approval WHERE kind = %s AND about = ANY(%s)"


class Approval(NamedTuple):
    about: str
    """The id of what is approved; of a file its digest."""
    person: str
    name: str
    meaning: str
    at: datetime


def refuse_own(proposed_by: str | None, person: Person) -> None:
    """Raises ``Unusable`` where ``person`` proposed it."""
    if proposed_by == person.subject:
        raise Unusable(f"Another person must approve what {person.subject} proposed.")


def approval_row(kind: str, about: object, person: Person, at: datetime, block: int, meaning: str | None = None) -> tuple[Any, ...]:
    """Of the table of approvals; with the ``meaning`` of its kind, or of another."""
    return (kind, str(about), person.subject, person.name, MEANINGS[meaning or kind], at, block)


def approvals(cursor: Cursor[Any], kind: str, about: Iterable[object]) -> dict[str, Approval]:
    """By what was approved, of those that were."""
    found = cursor.execute(OF_KIND, (kind, [str(each) for each in about]))
    return {row[0]: Approval(*row) for row in found}

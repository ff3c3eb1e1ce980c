"""What the registry says to all that deciding some orders may ask."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from psycopg import Cursor

from gatekeeper.domain.case import Question
from gatekeeper.domain.order import Order
from gatekeeper.domain.program import Program
from gatekeeper.domain.questions import more_questions, questions
from gatekeeper.evidence import Asked
from gatekeeper.storage.lookups import MOVING, Said, ask_the_registry


class Known(NamedTuple):
    """The registry's answers, and the questions whose answers move with every verdict."""

    said: dict[Question, Said]
    moving: set[Question]
    version: int | None
    """The registry's version that said so, or an earlier one; None where nothing was asked of it."""

    def holds(self, version: int) -> bool:
        """Whether at this version, which is no earlier one, the registry says the same."""
        return self.version in (None, version)


def registry_says(
    cursor: Cursor[Any], orders: Iterable[tuple[Any, Order]], programs: tuple[Program, ...], guarded: Callable[..., Any]
) -> Known:
    """Two rounds, because some answers name whom to ask about next; the second asks of the registry only.

    ``guarded`` runs one step for the message or examination that stands beside the order.
    """
    orders = list(orders)
    asked: set[Question] = set()
    for place, order in orders:
        asked |= guarded(place, questions, order, programs)
    moving = {question for question in asked if question[0] in MOVING}
    said, version = ask_the_registry(cursor, asked - moving)
    more: set[Question] = set()
    answers = Asked(said)
    for place, order in orders:
        more |= guarded(place, more_questions, order, programs, answers)
    # What the second round finds is of the same version if at the end, under the lock, the registry still has it.
    return Known(said | ask_the_registry(cursor, more - said.keys()).said, moving, version)

"""What the registry says to all that deciding some orders may ask."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from psycopg import Cursor

from gatekeeper.domain.case import Question
from gatekeeper.domain.order import Order
from gatekeeper.domain.program import Program
from gatekeeper.domain.questions import more_questions, questions
from gatekeeper.evidence import Asked
from gatekeeper.storage.lookups import MOVING, Said, Stood, ask, ask_all


class Known(NamedTuple):
    """What was answered, and which of the answers move with every verdict."""

    said: dict[Question, Said]
    moving: set[Question]
    stood: Stood | None
    """Where the ledger stood then, or before; None where the registry was asked nothing."""

    def holds(self, version: int) -> bool:
        """Whether at this version, which is no earlier one, the registry says the same."""
        return self.stood is None or self.stood.registry_version == version

    def said_now(self, cursor: Cursor[Any], block: int) -> dict[Question, Said]:
        """What is answered under the ledger lock, where this is the last block and the registry still holds."""
        return self.said if self.stood is not None and self.stood.block == block else self.said | ask(cursor, self.moving)


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
    said, stood = ask_all(cursor, asked)
    more: set[Question] = set()
    answers = Asked(said)
    for place, order in orders:
        more |= guarded(place, more_questions, order, programs, answers)
    # What the second round finds is of the same version if at the end, under the lock, the registry still has it.
    return Known(said | ask(cursor, more - said.keys()), {question for question in asked if question[0] in MOVING}, stood)

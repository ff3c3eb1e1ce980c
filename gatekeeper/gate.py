"""The gate: a batch of arrivals goes in, what the ledger has for each comes out, in one database transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from psycopg import Cursor

from gatekeeper.arrivals import Answer, Arrival, Position, Source
from gatekeeper.domain.case import Question
from gatekeeper.domain.order import Order
from gatekeeper.domain.program import Program
from gatekeeper.domain.questions import more_questions, questions
from gatekeeper.errors import Halt
from gatekeeper.evidence import Asked
from gatekeeper.fold import Fold
from gatekeeper.messages import rules_of
from gatekeeper.programs import program_document
from gatekeeper.storage import ledger
from gatekeeper.storage.lookups import MOVING, Said, ask
from gatekeeper.storage.readback import read_back
from schemas.released import ProgramRules

T = TypeVar("T")


class Rules(NamedTuple):
    """The programs in force, and how they stand in messages and in evidence."""

    programs: tuple[Program, ...]
    said: dict[str, ProgramRules]
    kept: bytes

    @classmethod
    def of(cls, programs: tuple[Program, ...]) -> "Rules":
        return cls(programs, rules_of(programs), b"[" + b",".join(map(program_document, programs)) + b"]")


def judge(cursor: Cursor[Any], source: Source, arrivals: Sequence[Arrival], rules: Rules) -> list[Answer]:
    """What the ledger has for each arrival, in their order. What was judged before is read back; nothing is decided twice.

    The caller commits, and publishes only then.
    Raises ``Halt`` where going on could be wrong, ``TryAgain`` where the database's clock ran back.
    """
    # Before the lock, so that others do not wait for it: what nobody has judged yet is looked up in the registry.
    version, heads = ledger.version_and_heads(cursor, source.number)
    ordered = [(arrival, arrival.order) for arrival in _above(heads, arrivals) if isinstance(arrival.order, Order)]
    known = _registry_says(cursor, source, ordered, rules.programs)
    ledger.take_lock(cursor)
    tail, heads, counts = ledger.read_end(cursor, source.number)
    if tail.registry_version != version:
        # The registry changed while this waited for the lock: what it said before counts no longer.
        known = _registry_says(cursor, source, ordered, rules.programs)
    fresh = _above(heads, arrivals)
    judged = [arrival for arrival in arrivals if arrival.position.offset < heads.get(arrival.position.partition, 0)]
    answers = {answer.position: answer for answer in read_back(cursor, source, judged)} if judged else {}
    if fresh:
        orders = [(arrival, arrival.order) for arrival in fresh if isinstance(arrival.order, Order)]
        said = known.said | ask(cursor, known.moving)
        earlier = ledger.earlier(cursor, [order.order_id for _, order in orders]) if orders else []
        fold = Fold(source, tail, rules.said, rules.programs, rules.kept, said, earlier)
        fold.counts = counts
        fold.voidable = ledger.records(cursor, fold.superseded_records([order for _, order in orders]))
        for arrival in fresh:
            guarded(source, arrival.position, fold.take, arrival)
        answers |= {answer.position: answer for answer in fold.write(cursor)}
    return [answers[arrival.position] for arrival in arrivals]


def _above(heads: Mapping[int, int], arrivals: Iterable[Arrival]) -> list[Arrival]:
    return [arrival for arrival in arrivals if arrival.position.offset >= heads.get(arrival.position.partition, 0)]


class _Known(NamedTuple):
    """What the registry says to all that deciding some orders may ask, and the questions whose answers move with every verdict."""

    said: dict[Question, Said]
    moving: set[Question]


def _registry_says(cursor: Cursor[Any], source: Source, orders: Sequence[tuple[Arrival, Order]], programs: tuple[Program, ...]) -> _Known:
    """Two rounds, because some answers name whom to ask about next; the second asks of the registry only."""
    asked: set[Question] = set()
    for arrival, order in orders:
        asked |= guarded(source, arrival.position, questions, order, programs)
    moving = {question for question in asked if question[0] in MOVING}
    said = ask(cursor, asked - moving)
    more: set[Question] = set()
    answers = Asked(said)
    for arrival, order in orders:
        more |= guarded(source, arrival.position, more_questions, order, programs, answers)
    return _Known(said | ask(cursor, more - said.keys()), moving)


def guarded(source: Source, position: Position, step: Callable[..., T], *arguments: Any) -> T:
    """Runs one step for the message at a position. A fault of our own in it halts the gate there; the message stays untouched."""
    try:
        return step(*arguments)
    except Exception as fault:  # noqa: BLE001 - whatever our own code does wrong must stop the gate, never open it
        place = f"{source.topic}/{position.partition}/{position.offset}"
        # The fault's own words may hold what was sent, so only its kind is said.
        raise Halt(
            f"A fault of the gatekeeper ({type(fault).__name__}) at {place}: nothing was decided. "
            f"Install a mended version, or take the message out of the way: `gatekeeper set-aside {place.replace('/', ' ')} --reason …`."
        ) from None

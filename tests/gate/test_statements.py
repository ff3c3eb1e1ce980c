"""A batch costs the database the same number of statements, whatever its size."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from gatekeeper.arrivals import Position
from gatekeeper.gate import judge
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.gate.test_answers import CAMPATH
from tests.gate.test_revisions import STOPPED, revision
from tests.gate.warehouse import REPORTING

MANY: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
MOST, MOST_OF_NEW_ORDERS = 12, 5


@contextmanager
def counted() -> Iterator[list[str]]:
    """What is sent to the database meanwhile; rows go there whole and together, or not at all."""
    sent: list[str] = []
    execute = psycopg.Cursor.execute

    def noted(cursor: psycopg.Cursor[Any], query: Any, *arguments: Any, **options: Any) -> psycopg.Cursor[Any]:
        sent.append(str(query))
        return execute(cursor, query, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", noted)
        patch.setattr(psycopg.Cursor, "executemany", None)
        patch.setattr(psycopg.Cursor, "copy", None)
        yield sent


@pytest.fixture
def many(ledger: Ledger) -> Ledger:
    ledger.load(authorization("AU-MANY", 1_000_000))
    return ledger


def part(name: str, number: int) -> list[bytes]:
    """Ten messages of every kind: released, stopped, not covered, with serials, refused, repeated, contradicted, withdrawn, superseded."""
    one = f"{name}-{number}"
    serials = MANY | {"/lines/0/serials": [f"{one}-{unit}" for unit in range(5)]}
    return [
        order(f"{one}-a", MANY), order(f"{one}-b", STOPPED), order(f"{one}-c", {"/lines/0": CAMPATH | {"line": 1}}),
        order(f"{one}-d", serials), b"rubbish", order(f"{one}-a", MANY), order(f"{one}-a", MANY | {"/lines/0/lot": "X"}),
        revision(2, serials | {"/ship_on": "2026-11-24"}, f"{one}-d"), revision(3, STOPPED, f"{one}-d"), revision(2, MANY, f"{one}-d"),
    ]  # fmt: skip


def statements(ledger: Ledger, placed: list[tuple[Position, bytes]]) -> list[str]:
    with counted() as sent:
        ledger.judge_at(placed)
    return sent


def test_batches_of_ten_a_hundred_and_two_thousand_send_the_same_statements(many: Ledger) -> None:
    """Messages of every kind: the statements are the same ones, in the same order, and a handful; read back, no more."""
    sent, back = {}, {}
    for partition, size in enumerate((10, 100, 2000)):
        messages = [message for number in range(size // 10) for message in part(f"S{size}", number)]
        placed = [(Position(partition, offset), message) for offset, message in enumerate(messages)]
        sent[size], back[size] = statements(many, placed), statements(many, placed)

    assert sent[10] == sent[100] == sent[2000]
    assert back[10] == back[100] == back[2000]
    assert len(back[10]) <= len(sent[10]) <= MOST


def judged(ledger: Ledger, *messages: bytes) -> list[str]:
    """What a batch sends where the warehouse reports shipments."""
    with counted() as sent, transaction(ledger.engine) as cursor:
        judge(cursor, ledger.source, ledger.arrivals(*messages), ledger.rules, REPORTING)
    return sent


def test_vials_in_records_of_superseded_lines_cost_one_order_what_they_cost_thirty(many: Ledger) -> None:
    """Superseded in the same batch, and in one before."""
    sent = []
    for size in (1, 30):
        names = [f"S{size}-{number}" for number in range(size)]
        vials = {name: MANY | {"/lines/0/serials": [f"{name}-{unit}" for unit in range(5)]} for name in names}
        superseded = [each for name in names for each in (order(f"{name}-a", vials[name]), revision(2, MANY, f"{name}-a"))]
        taken = [each for name in names for each in (order(f"{name}-b", vials[name]), revision(2, MANY, f"{name}-b"))]
        again = [order(f"{name}-c", vials[name]) for name in names]
        sent.append([judged(many, *superseded, *taken), judged(many, *again)])
        given_up = [row for row in many.rows(tables.EXAMINATION) if row[5] == "given_up" and row[2].startswith(f"S{size}-")]
        assert len(given_up) == 2 * size
    assert sent[0] == sent[1]


def test_one_order_sends_what_a_hundred_like_it_send(many: Ledger) -> None:
    """The same of a single order, and of a batch of one kind alone."""
    for kind, (name, changes) in enumerate((("A", MANY), ("B", STOPPED), ("C", {"/lines/0": CAMPATH | {"line": 1}}))):
        sent = [
            statements(many, [(Position(kind * 3 + index, number), order(f"{name}-{size}-{number}", changes)) for number in range(size)])
            for index, size in enumerate((1, 100, 2000))
        ]
        assert sent[0] == sent[1] == sent[2]
        assert len(sent[0]) <= MOST_OF_NEW_ORDERS

"""The registry is asked before the ledger lock is there; what has changed until it is there counts all the same."""

from threading import Thread

from gatekeeper.arrivals import Answer
from gatekeeper.storage import ledger as kept
from gatekeeper.storage.engine import transaction
from tests.gate.following import tell
from tests.gate.ledger import WORLD, Ledger, Wire, order
from tests.real.waiting import wait_until

WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def outcomes(answers: list[Answer]) -> list[list[str]]:
    return [[reason.code for line in answer.lines for reason in line.reasons] for answer in answers]


def suspend(ledger: Ledger, site: Wire) -> None:
    with transaction(ledger.engine) as cursor:
        tell(cursor, site | {"status": "suspended"}, 900)


def test_a_suspension_that_commits_while_a_batch_waits_for_the_lock_wins(ledger: Ledger) -> None:
    site = next(fact for fact in WORLD if fact.get("site_id") == "HF1" and fact["fact"] == "site")
    ledger.load()
    answers: list[Answer] = []
    with transaction(ledger.engine) as holder:
        kept.take_lock(holder)
        judging = Thread(target=lambda: answers.extend(ledger.judge(order())))
        telling = Thread(target=lambda: suspend(ledger, site))
        telling.start()
        wait_until(lambda: (holder.execute(WAITING).fetchone() or (0,))[0] == 1, 120, "the fact waits for the lock")
        judging.start()
        wait_until(lambda: (holder.execute(WAITING).fetchone() or (0,))[0] == 2, 120, "the batch waits behind it")
    telling.join()
    judging.join()
    assert outcomes(answers) == [["site_suspended"]]


def test_without_it_the_same_order_is_released(ledger: Ledger) -> None:
    ledger.load()
    assert outcomes(ledger.judge(order())) == [[]]

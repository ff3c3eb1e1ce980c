"""A consumer that freezes in the middle of a batch does not keep others from the ledger."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

from gatekeeper.storage import ledger as kept
from gatekeeper.storage.engine import transaction
from tests.gate.ledger import NOON, Ledger
from tests.real.waiting import wait_until

FROZEN = """
import os, signal, sys
from gatekeeper.arrivals import Position, Source, read_arrival
from gatekeeper.errors import TryAgain
from gatekeeper.gate import Rules, judge
from gatekeeper.programs import load_programs
from gatekeeper.storage.engine import open_engine, transaction

rules = Rules.of(load_programs())
arrival = read_arrival(Position(0, 0), b"rubbish", rules.programs)
try:
    with transaction(open_engine(sys.argv[1])) as cursor:
        judge(cursor, Source(1, "shipment-orders", "the topic"), [arrival], rules)
        os.kill(os.getpid(), signal.SIGSTOP)
except TryAgain:
    print("cut off")
"""


def stopped(child: subprocess.Popen[bytes]) -> bool:
    return os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None


def test_a_frozen_consumer_is_cut_off_and_an_import_goes_on(ledger: Ledger) -> None:
    """The import waits for the ledger lock until the database cuts the frozen session off; what that had judged is not in the ledger."""
    child = subprocess.Popen([sys.executable, "-W", "ignore", "-c", FROZEN, ledger.url], stdout=subprocess.PIPE)
    try:
        wait_until(lambda: stopped(child), 120, "a consumer that froze while it holds the ledger lock")
        ledger.load(as_of=NOON - timedelta(hours=1))
        assert stopped(child)
        child.send_signal(signal.SIGCONT)
        said, _ = child.communicate(timeout=120)
    finally:
        child.kill()
    assert said == b"cut off\n"
    with transaction(ledger.engine) as cursor:
        assert kept.heads(cursor, 1) == {}
        assert cursor.execute("SELECT version FROM registry_load").fetchall() == [(1,)]


def test_sessions_are_cut_off_after_five_seconds_in_a_transaction(ledger: Ledger) -> None:
    with transaction(ledger.engine) as cursor:
        assert cursor.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("5s",)

"""The relay as the command runs it, killed at each step of its transactions: every entry is published once, in order."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumers.kafka.topics import topic_id
from gatekeeper.storage import ledger as storage
from gatekeeper.storage.engine import transaction
from tests.consumers.dying_relay import AFTER_COMMIT, BEFORE_COMMIT, OPENED, PRODUCED
from tests.consumers.place import ORDERS, PATIENCE_S, Place
from tests.consumers.relays import ALERTS, commit, fill, hear, ids, place
from tests.gate.ledger import Ledger
from tests.real.broker import Broker
from tests.real.ports import free_ports
from tests.real.proxy import END_TXN, Proxy
from tests.real.waiting import wait_until

__all__ = ["place"]

ROOT = Path(__file__).parents[2]
COMMAND = ("-c", "from gatekeeper.cli import main; main()", "relay", "--instance", "relay-1")
KILLED = -9
POINTS = [(OPENED, 1), (PRODUCED, 1), (BEFORE_COMMIT, 1), (AFTER_COMMIT, 1), (PRODUCED, 3), (BEFORE_COMMIT, 2), (AFTER_COMMIT, 2)]
"""The first transaction of a relay says only that the place is its own; the second publishes."""


@contextmanager
def relay(place: Place, *words: str, **own: str) -> Iterator[subprocess.Popen[bytes]]:
    """The relay in a program of its own, with these settings."""
    command = [sys.executable, "-W", "ignore", *(words or COMMAND)]
    running = subprocess.Popen(command, cwd=ROOT, env=place.environment() | own, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def test_killed_anywhere_it_publishes_each_entry_once_and_in_order(place: Place, broker: Broker, ledger: Ledger) -> None:
    """With entries that wait when it is killed, and go out in a later life."""
    hear(ledger)
    with transaction(ledger.engine) as cursor:
        source = storage.source_of(cursor, ORDERS, topic_id(place.client("test"), place.prefix + ORDERS))
    place.send([b"rubbish"] * 20, partition=0)
    names, late = list[str](), list[str]()
    for turn, (point, count) in enumerate(POINTS):
        names += fill(ledger, 3)
        late += fill(ledger, 1, after=(source, 0, turn))
        names += fill(ledger, 2)
        if turn % 2:
            commit(place, turn)
        with relay(place, "-m", "tests.consumers.dying_relay", "--point", point, "--count", str(count)) as running:
            assert running.wait(PATIENCE_S) == KILLED, running.communicate()
    with Proxy(broker.proxy_port, broker.target_port) as proxy:
        # When the broker has committed, and the relay never hears of it.
        names += fill(ledger, 2)
        held = proxy.hold_next(END_TXN, f"{place.prefix}gatekeeper.relay".encode(), cut=False)
        with relay(place, GATEKEEPER_KAFKA_BOOTSTRAP_SERVERS=broker.proxied_bootstrap):
            held.wait(PATIENCE_S)
            held.deliver(PATIENCE_S)
            held = proxy.hold_next(END_TXN, f"{place.prefix}gatekeeper.relay".encode(), cut=False)
            held.wait(PATIENCE_S)
            held.deliver(PATIENCE_S)
    names += fill(ledger, 2)
    commit(place, len(POINTS))
    [port] = free_ports(1)
    with relay(place, GATEKEEPER_HEALTH_PORT=str(port)) as running:
        wait_until(lambda: all_there(place, len(names) + len(late)), PATIENCE_S, "all is published")
        wait_until(lambda: "gatekeeper_outbox_entries 0.0" in asked(port, "metrics"), PATIENCE_S, "the outbox counts as empty")
        assert asked(port, "health/ready").startswith("yes\n")
        running.terminate()
        assert running.wait(PATIENCE_S) == 0
    place.read(1)
    said = ids(place.of(ALERTS))
    assert sorted(said) == sorted(names + late)
    assert [name for name in said if name in names] == names
    assert [name for name in said if name in late] == late


def all_there(place: Place, count: int) -> bool:
    place.read()
    return len(place.of(ALERTS)) >= count


def asked(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
        return str(answer.read().decode())

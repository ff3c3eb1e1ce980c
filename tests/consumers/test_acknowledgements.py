"""The consumer of acknowledgements on a real broker and a real database: nothing is lost, nothing counts twice, nobody is named."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gatekeeper.storage import tables
from tests.consumers.place import ACKNOWLEDGEMENTS, PATIENCE_S, Place
from tests.consumers.test_silence import NAME, SIGNS, silent
from tests.feed.rems import MANY, acknowledgement
from tests.gate.ledger import Ledger, order
from tests.real.waiting import wait_until
from tests.schemas.messages import ACKNOWLEDGEMENTS as EXAMPLES
from tests.schemas.messages import encoded, places, with_value

__all__ = ["silent"]

COMMAND = (
    sys.executable,
    "-W",
    "ignore",
    "-c",
    "from gatekeeper.cli import main; main()",
    "consume",
    "acknowledgements",
    "--instance",
    "one",
)


def kinds(ledger: Ledger) -> Counter[str]:
    return Counter(row[3] for row in ledger.rows(tables.ARRIVAL) if row[0] != ledger.source.number)


def records(ledger: Ledger, number: int) -> list[str]:
    ledger.judge(*(order(f"SO-{each}", MANY) for each in range(number)))
    return [str(row[0]) for row in ledger.rows(tables.DISTRIBUTION_RECORD)]


@contextmanager
def command(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """`gatekeeper consume acknowledgements` in a program of its own."""
    running = subprocess.Popen(
        COMMAND, env=place.environment() | {"GATEKEEPER_BATCH_MESSAGES": "7"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def test_killed_at_any_moment_it_takes_each_once(place: Place, ledger: Ledger) -> None:
    """The command itself, killed again and again, then told to stop; each acknowledgement comes twice, over all partitions."""
    said = [acknowledgement(name) for name in records(ledger, 60)]
    messages = [message for each in said for message in (each, b"rubbish " + each[:60], each)]
    for turn in range(1, 4):
        with command(place):
            place.send(messages[(turn - 1) * 60 : turn * 60], topic=ACKNOWLEDGEMENTS)
            wait_until(lambda: kinds(ledger).total() >= 60 * turn - 40, PATIENCE_S, "some are taken")  # noqa: B023 - called at once
    with command(place) as running:
        wait_until(lambda: sum(place.committed("acknowledgements").values()) == len(messages), PATIENCE_S, "all are done")
        running.terminate()
        assert running.wait(30) == 0

    refused = place.wait_for("refused-messages", 60)
    assert kinds(ledger) == {"acknowledgement": 60, "repeat": 60, "refused": 60}
    assert sorted(each.value() for each in refused) == sorted(row[4] for row in ledger.rows(tables.REFUSAL))
    assert [(row[1], row[2]) for row in ledger.rows(tables.ACKNOWLEDGEMENT)] == [(number, 1) for number in range(1, 61)]


@pytest.mark.usefixtures("silent")
def test_acknowledgements_with_a_name_everywhere_name_nobody(place: Place, ledger: Ledger) -> None:
    """Whoever is planted in an id, a problem, a receipt or in rubbish: no refusal, alert, key, header, log line or measure repeats it."""
    [mine, other] = records(ledger, 2)
    planted = [
        encoded(with_value(example | {"record_id": name}, spot, sign))
        for example, name in zip(EXAMPLES, (mine, other), strict=True)
        for spot in places(example)
        for sign in SIGNS
    ]
    place.start(consumer="acknowledgements")
    place.send([*planted, NAME.encode(), encoded(EXAMPLES[0]) + NAME.encode()], topic=ACKNOWLEDGEMENTS, key=NAME.encode())
    wait_until(lambda: kinds(ledger).total() == len(planted) + 2, PATIENCE_S, "all are taken")
    place.wait_for("refused-messages", kinds(ledger)["refused"])

    assert kinds(ledger)["aside"] > 0
    assert kinds(ledger)["acknowledgement"] == 2
    said = [f"{message.key()!r} {message.headers()!r} {message.value()!r}" for _, message in place.said]
    told = [str(bytes(row[3])) for row in ledger.rows(tables.ALERT)]
    assert told
    assert [text for text in (*said, *told) if NAME.lower() in text.lower()] == []

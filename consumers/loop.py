"""The loop, and what it does when something is away: it waits, goes back to what was committed, and goes on by itself."""

from collections.abc import Callable, Sequence
from threading import Event
from typing import Protocol

from consumers.kafka.log import Message
from consumers.publications import Publication
from gatekeeper.errors import TryAgain
from gatekeeper.metrics import BATCH_SECONDS

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0


class Read(Protocol):
    """A log that is read in batches, each of which is published whole or read again."""

    def read(self) -> list[Message]: ...

    def publish(self, publications: Sequence[Publication], messages: Sequence[Message]) -> None: ...

    def again(self) -> None: ...


def run(
    log: Read,
    handle: Callable[[Sequence[Message]], Sequence[Publication]],
    stop: Event,
    waiting: Callable[[TryAgain, float], None],
    going_on: Callable[[], None] = lambda: None,
) -> None:
    """Reads, handles and publishes until ``stop`` is set; the batch in hand is ended first.

    ``waiting`` is told why, and for how many seconds, before each wait; ``going_on`` is told after each turn that succeeded.
    """

    def turn() -> None:
        messages = log.read()
        if messages:
            with BATCH_SECONDS.time():
                log.publish(handle(messages), messages)
        going_on()

    def again(reason: TryAgain, wait: float) -> None:
        log.again()
        waiting(reason, wait)

    turn_after_turn(turn, stop, again)


def turn_after_turn(turn: Callable[[], None], stop: Event, waiting: Callable[[TryAgain, float], None]) -> None:
    """Turns until ``stop`` is set; after one in which something was away it waits, each time longer."""
    wait = FIRST_WAIT_S
    while not stop.is_set():
        try:
            turn()
            wait = FIRST_WAIT_S
        except TryAgain as reason:
            waiting(reason, wait)
            stop.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)

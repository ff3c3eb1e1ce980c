"""The relay from start to stop: what follows from changes is done piece by piece, and published in between."""

from collections.abc import Callable
from itertools import count
from threading import Event
from typing import Final

from sqlalchemy import Engine

from consumers.going import Going, stay
from consumers.kafka import place
from consumers.kafka.client import Client, client_of
from consumers.kafka.ends import Ends
from consumers.kafka.passed import Passed
from consumers.kafka.topics import topic_id
from consumers.loop import turn_after_turn
from consumers.relay import Relay
from consumers.topics import ready
from consumers.waiting import mark
from gatekeeper import metrics
from gatekeeper.clock import now, seconds
from gatekeeper.config import Settings
from gatekeeper.errors import TryAgain
from gatekeeper.examinations.recording import Terms
from gatekeeper.following import steps as following
from gatekeeper.opening import open_ledger
from gatekeeper.registry.freshness import Freshness
from gatekeeper.registry.hearing import limits_of
from gatekeeper.rules import RuleBook
from gatekeeper.storage import outbox
from gatekeeper.storage.engine import transaction
from gatekeeper.telemetry import log, start_logging
from schemas.topics import SHIPMENT_ORDERS, topic_name

IDLE_S: Final = 0.05
LOOK_AGAIN_S: Final = 5.0


class Progress:
    """What is in hand, as metrics and as a line of the log now and then."""

    def __init__(self) -> None:
        self._looked = float("-inf")

    def look(self, engine: Engine) -> None:
        """Asks the ledger, if it was not asked for a while."""
        if seconds() - self._looked < LOOK_AGAIN_S:
            return
        with transaction(engine) as cursor:
            found = outbox.in_hand(cursor)
        self._looked = seconds()
        metrics.FOLLOW_UPS.set(found.follow_ups)
        metrics.DUE.set(found.due)
        metrics.LOOK_BACKS.set(found.look_backs)
        if found.follow_ups or found.due or found.look_backs:
            log("work_in_hand", **found._asdict())


def relay_client(settings: Settings, instance: str) -> Client:
    """The client of a relay: every relay of a deployment has the same transactional id."""
    return client_of(settings, instance)._replace(transactional_id=f"{settings.topic_prefix}gatekeeper.relay")


def relay(settings: Settings, instance: str) -> None:
    """Follows and publishes until SIGTERM or SIGINT. Raises ``Halt`` where going on could be wrong."""
    start_logging(settings.log_level)
    client = relay_client(settings, instance)
    book = RuleBook.read(settings.programs, settings.programs_added)
    freshness = Freshness(lambda: limits_of(book.at(now()).programs))
    stay(settings, "relay", instance, lambda going: _relay(settings, client, book, freshness, going), freshness.told)


def _relay(settings: Settings, client: Client, book: RuleBook, freshness: Freshness, going: Going) -> None:
    engine = going.until_there(lambda: open_ledger(settings))
    if engine is None:
        return
    orders, own = topic_name(settings.topic_prefix, SHIPMENT_ORDERS), settings.topic_prefix + place.TOPIC
    if going.until_there(lambda: ready(client, settings.topic_prefix, [orders, own])) is None:
        return
    placed = place.Placed(client, settings.topic_prefix)
    work = Relay(engine, placed, lambda: topic_id(client, own), Passed(client, orders), client.instance)
    going.at_work = lambda: work.working
    progress, terms, ends, turns = Progress(), Terms.of(settings), Ends(client, orders), count()

    def looked() -> None:
        going.going_on()
        freshness.look(engine)
        progress.look(engine)

    def step() -> bool:
        marked = mark(engine, lambda: topic_id(client, orders), ends.ask)
        return following.step(engine, book, terms, next(turns)) or marked

    try:
        follow_and_publish(work, step, going.stop, going.waiting, looked)
    finally:
        ends.close()
        work.close()
        engine.dispose()


def follow_and_publish(
    work: Relay,
    step: Callable[[], bool],
    stop: Event,
    waiting: Callable[[TryAgain, float], None],
    looked: Callable[[], None] = lambda: None,
) -> None:
    """A piece of what follows from changes and a part of the outbox, in turn; where there is neither it looks again after a moment."""

    def turn() -> None:
        followed = step()
        published = work.publish()
        looked()
        if not followed and not published:
            stop.wait(IDLE_S)

    turn_after_turn(turn, stop, waiting)

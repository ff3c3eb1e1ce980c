"""The demonstration from start to end: a fresh world, the gate at work in it, message after message, and what became of each."""

import signal
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from threading import Event
from typing import Final

from rich.console import Console

from consumers.demo.answers import OUTPUTS, Answer, by_source
from consumers.demo.asking import answering
from consumers.demo.feed import Feed
from consumers.demo.issuer import HOST, Issuer, refuse_what_is_real
from consumers.demo.records_way import RecordsWay
from consumers.demo.screen import Lines, Row, Screen, Terminal
from consumers.demo.words import Detail, details, way
from consumers.demo.working import JUDGED, PUBLISHED, Working
from consumers.demo.world import World, fresh_world
from consumers.kafka.mock import Outputs
from gatekeeper.clock import seconds
from gatekeeper.config import Settings
from gatekeeper.errors import TryAgain, Unusable
from gatekeeper.telemetry import start_logging
from schemas.topics import SHIPMENT_ORDERS

DEADLINE_S: Final = 60.0
"""From the first message on, until the last is answered."""
GLANCE_S: Final = 0.25
"""How long a row stays the last one where a person looks on."""
TURN_S: Final = 0.2


def show(settings: Settings, *, once: bool) -> int:
    """Shows the gate at work until Ctrl-C; with ``once`` until every message is answered. Gives the status to exit with."""
    refuse_what_is_real(settings)
    start_logging("error")
    console = Console()
    watched = console.is_terminal and not console.is_dumb_terminal
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with (Terminal if watched else Lines)(console) as screen:
        return _Demonstration(screen, stop, patient=watched and not once).run(settings, once=once)


class _Demonstration:
    def __init__(self, screen: Screen, stop: Event, *, patient: bool) -> None:
        self._screen, self._stop, self._patient = screen, stop, patient
        self._answers: list[Answer] = []
        self._issuer: Issuer | None = None

    def run(self, settings: Settings, *, once: bool) -> int:
        screen = self._screen
        screen.title("gatekeeper demo", "every message, name and number is made up")
        try:
            with ExitStack() as parts:
                world = parts.enter_context(fresh_world(settings.home, screen))
                if not once:
                    self._issuer = parts.enter_context(answering(settings, world))
                    screen.step(f"The API, for sample people: http://{HOST}:{settings.http_port}/docs")
                working = Working(world)
                outputs = Outputs(world.cluster, [topic.name for topic in OUTPUTS])
                parts.callback(outputs.close)
                parts.callback(working.stop)
                feed = Feed(world, working, self._stop)
                parts.callback(feed.stop)
                working.start()
                self._tell(world, working, outputs, feed)
                way = RecordsWay(world, feed, self._answers)
                self._tell_of_records(way)
                if self._stop.is_set():
                    return 1 if once else 0
                self._say_more(world)
                if not once:
                    self._stay(working, outputs, world, way)
                return 0 if way.agree else 1
        except (TryAgain, Unusable):
            # What was being started when Ctrl-C came was told to stop as well.
            if not self._stop.is_set():
                raise
        return 0

    def _tell(self, world: World, working: Working, outputs: Outputs, feed: Feed) -> None:
        deadline = seconds() + DEADLINE_S
        for number, story in enumerate(world.sample.stories, 1):
            place = world.cluster.send(SHIPMENT_ORDERS.name, story.order_id, story.message)
            row = Row(number, story.order_id, story.title)
            self._screen.under_way(row, "sent")
            if not self._until_published(row, place, working, deadline):
                return
            if number == 1:
                self._screen.step("The gate: a member of its group, and at work")
                feed.start()
                self._screen.head("order", "what is sent, and what becomes of it")
            self._answered(row, place, by_source(outputs.read()).get(place, Answer()), world)
            if self._patient:
                self._stop.wait(GLANCE_S)

    def _tell_of_records(self, way: RecordsWay) -> None:
        if self._stop.is_set():
            return
        self._screen.summary(counts(self._answers))
        self._screen.title("The records' way to the REMS", "it is simulated, and keeps books of its own")
        self._screen.head("who", "what happens, and what becomes of the records")
        number = 0
        for piece in way.pieces:
            self._screen.waits("The records go out, the REMS reads and answers")
            for row in piece():
                if self._stop.is_set():
                    return
                number += 1
                self._screen.answered(row._replace(number=number))
                if self._patient:
                    self._stop.wait(GLANCE_S)

    def _until_published(self, row: Row, place: str, working: Working, deadline: float) -> bool:
        """False where it was told to stop before."""
        while not self._stop.is_set():
            if row.number == 1:
                self._screen.waits("The gate joins its group, which takes about three seconds")
            step = working.next(TURN_S)
            if step is not None and place in step.places:
                if step.name == PUBLISHED:
                    return True
                self._screen.under_way(row, JUDGED)
            if seconds() > deadline:
                raise TryAgain(
                    f"Message {row.number} was not answered in time: the machine may be too busy; start the demonstration again."
                )
        return False

    def _answered(self, row: Row, place: str, answer: Answer, world: World) -> None:
        self._answers.append(answer)
        told = (*details(answer, world.sample.names), ("way", way(place, answer)))
        self._screen.answered(row._replace(outcome=answer.outcome, details=told))

    def _say_more(self, world: World) -> None:
        registry, orders = world.files / "registry.ndjson", world.files / "orders.ndjson"
        self._screen.hint("The same answers without Kafka and without a database:", f"gatekeeper decide --registry {registry} {orders}")
        self._screen.hint("What each reason means, and who can clear it: docs/reasons.md")
        if self._issuer is not None:
            self._screen.hint(
                f"Ask the API, with a token for one of {', '.join(self._issuer.people)}; five tasks are in docs/http.md:",
                f"TOKEN=$(curl -fsS -d person=officer {self._issuer.address}/token)",
            )
            self._screen.hint(
                "The gate stays at work until Ctrl-C. Send it an order of your own:",
                f"kcat -P -b {world.cluster.bootstrap} -t {SHIPMENT_ORDERS.name} ORDER.json",
            )

    def _stay(self, working: Working, outputs: Outputs, world: World, way: RecordsWay) -> None:
        """Shows what others send, until it is told to stop."""
        while not self._stop.is_set():
            self._screen.waits("The gate waits for messages; Ctrl-C ends it")
            step = working.next(TURN_S)
            if step is not None and step.name == PUBLISHED:
                answers = by_source(outputs.read())
                for place in step.places:
                    answer = answers.get(place, Answer())
                    self._answered(Row(len(self._answers) + 1, answer.order_id, "From outside"), place, answer, world)
            for row in way.more():
                self._screen.answered(row)


def counts(answers: Iterable[Answer]) -> list[Detail]:
    """How much became of what."""
    told = list(answers)
    outcomes = Counter(line.outcome for answer in told for line in answer.lines)
    withdrawn = sum(len(withdrawal.lines) for answer in told for withdrawal in answer.withdrawals)
    kinds = Counter(answer.outcome for answer in told)
    records = Counter(record.kind for answer in told for record in answer.records)
    stopped = outcomes["held"] + outcomes["blocked"]
    return [
        ("Messages", str(len(told))),
        ("Released", _lines(outcomes["released"])),
        ("Stopped", f"{_lines(stopped)}: {outcomes['held']} held, {outcomes['blocked']} blocked"),
        ("Not covered", _lines(outcomes["not_covered"])),
        ("Withdrawn", _lines(withdrawn)),
        ("Refused", f"{kinds['refused']} that could not be read"),
        ("Repeats", f"{kinds['repeat']}, answered as before"),
        ("Records", f"{records.total()}: {', '.join(f'{number} {kind}' for kind, number in records.items())}"),
        ("Alerts", str(sum(len(answer.alerts) for answer in told))),
    ]


def _lines(number: int) -> str:
    return f"{number} line{'' if number == 1 else 's'}"

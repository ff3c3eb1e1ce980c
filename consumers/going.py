"""A program that stays, from start to stop: it waits for what is away, serves health, and ends cleanly when it is told to."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from threading import Event, Timer
from types import FrameType
from typing import TypeVar

from consumers.loop import FIRST_WAIT_S, LONGEST_WAIT_S
from gatekeeper.clock import seconds
from gatekeeper.config import Settings
from gatekeeper.errors import Halt, TryAgain
from gatekeeper.health import serve_health
from gatekeeper.telemetry import log

T = TypeVar("T")


class Going:
    """Whether the work goes on, or waits for something that is away."""

    def __init__(self, settings: Settings) -> None:
        self.stop = Event()
        self.at_work: Callable[[], bool] = lambda: False
        """Whether it could work at this moment. Is asked from other threads."""
        self._settings = settings
        self._waiting_since: float | None = None
        self._turned = seconds()

    def waiting(self, reason: TryAgain, wait: float) -> None:
        log("waiting", reason=reason, seconds=wait)
        self._turned = seconds()
        if self._waiting_since is None:
            self._waiting_since = seconds()

    def going_on(self) -> None:
        self._turned = seconds()
        if self._waiting_since is not None:
            log("going_on", seconds=round(seconds() - self._waiting_since, 3))
            self._waiting_since = None

    def ready(self) -> bool:
        """It is at work, and nothing is away."""
        return self._waiting_since is None and self.at_work()

    def live(self) -> bool:
        """The loop turned, or waited for what is away, within half the time after which the broker takes a consumer for stuck."""
        return seconds() - self._turned < self._settings.poll_interval_s / 2

    def until_there(self, step: Callable[[], T]) -> T | None:
        """What ``step`` gives, tried again while something is away; None when told to stop before."""
        wait = FIRST_WAIT_S
        while not self.stop.is_set():
            try:
                return step()
            except TryAgain as reason:
                self.waiting(reason, wait)
                self.stop.wait(wait)
                wait = min(2 * wait, LONGEST_WAIT_S)
        return None


def stay(settings: Settings, command: str, instance: str, work: Callable[[Going], None], told: Callable[[], str], **names: str) -> None:
    """Does ``work`` until SIGTERM or SIGINT, and serves health meanwhile, to which ``told`` adds lines."""
    going = Going(settings)
    _obey_signals(going, settings, command, instance)
    with _served(settings, going, told):
        log("started", command=command, instance=instance, version=version("distribution-gatekeeper"), **names)
        try:
            work(going)
        except Halt as halt:
            log("halted", command=command, instance=instance, reason=halt)
            raise
    log("stopped", command=command, instance=instance)


@contextmanager
def _served(settings: Settings, going: Going, told: Callable[[], str]) -> Iterator[None]:
    if settings.health_port is None:
        yield
        return
    health = serve_health(settings.health_host, settings.health_port, going.ready, going.live, told)
    try:
        yield
    finally:
        health.close()


def _obey_signals(going: Going, settings: Settings, command: str, instance: str) -> None:
    def stop(number: int, _: FrameType | None) -> None:
        if not going.stop.is_set():
            log("stopping", command=command, instance=instance, signal=number)
            going.stop.set()
            # Dying anywhere is safe; waiting for ever for a broker that is away is not what was asked.
            deadline = Timer(settings.stop_deadline_s, os._exit, [0])
            deadline.daemon = True
            deadline.start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

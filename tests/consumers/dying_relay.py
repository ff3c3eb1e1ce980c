"""A relay, as the command runs it, that is killed when it comes to a point for the n-th time: ``python -m tests.consumers.dying_relay``."""

import os
import signal
from typing import Any

import click
from confluent_kafka import Producer

from consumers import relaying
from consumers.kafka import publisher
from gatekeeper.config import read_settings

OPENED = "after the producer was opened"
PRODUCED = "after the first produce"
BEFORE_COMMIT = "before the commit"
AFTER_COMMIT = "after the commit"
FLUSH_S = 10.0


class DyingProducer(Producer):
    """What was produced before a point is at the broker."""

    point, count = "", 0

    def init_transactions(self, *arguments: Any) -> None:
        super().init_transactions(*arguments)
        self.reached(OPENED)

    def produce(self, *arguments: Any, **more: Any) -> None:
        super().produce(*arguments, **more)
        self.reached(PRODUCED)

    def commit_transaction(self, *arguments: Any) -> None:
        self.reached(BEFORE_COMMIT)
        super().commit_transaction(*arguments)
        self.reached(AFTER_COMMIT)

    @classmethod
    def armed(cls, point: str) -> bool:
        """Whether it dies here now."""
        cls.count -= point == cls.point
        return point == cls.point and cls.count == 0

    def reached(self, point: str) -> None:
        if self.armed(point):
            if point in (PRODUCED, BEFORE_COMMIT):
                self.flush(FLUSH_S)
            os.kill(os.getpid(), signal.SIGKILL)


@click.command()
@click.option("--point", default="")
@click.option("--count", default=1)
def main(point: str, count: int) -> None:
    DyingProducer.point, DyingProducer.count = point, count
    publisher.Producer = DyingProducer  # type: ignore[misc]
    relaying.relay(read_settings(os.environ), "relay-1")


if __name__ == "__main__":
    main()

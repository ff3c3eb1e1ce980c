"""Named points in the path of one batch, at which a worker that was told so dies, freezes or waits.

The product knows nothing of them: they are in subclasses and wrappers of what it is made of.
"""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gatekeeper.clock import seconds
from tests.real.waiting import wait_until

BEFORE_COMMIT = "before the database commit"
AFTER_COMMIT = "after the database commit"
FIRST_PRODUCE = "after the first produce"
BEFORE_OFFSETS = "before the offsets"
OFFSETS = "after the offsets"
IN_COMMIT = "during the commit"
AT_RANDOM = "at random"
BEFORE_LOCK = "before the ledger lock"
BETWEEN = "between following and publishing"
BEFORE_PLACE = "before the place"

REACHED_INSIDE = (BEFORE_COMMIT, AFTER_COMMIT, FIRST_PRODUCE, BEFORE_OFFSETS, OFFSETS)
KILLED_AT = (BEFORE_COMMIT, AFTER_COMMIT, FIRST_PRODUCE, OFFSETS, IN_COMMIT, AT_RANDOM)

DIE, FREEZE, WAIT = "die", "freeze", "wait"
LONGEST_WAIT_S = 180.0


class Diary:
    """What one worker tells of itself: a line for each thing that happened, which a kill does not lose."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def tell(self, event: str, **more: Any) -> None:
        os.write(self._file, json.dumps({"event": event, "at": seconds(), **more}).encode() + b"\n")


class Points:
    """The points of one worker. What it was told stands in ``orders``, a file that is gone when the point was reached."""

    def __init__(self, orders: Path, diary: Diary, meanwhile: Callable[[], None] = lambda: None) -> None:
        self._orders, self._diary = orders, diary
        self.meanwhile = meanwhile
        """What it does while it waits at a point."""

    def armed(self, point: str, turn: str = "") -> bool:
        """Whether it was told to do something at this point, on this turn."""
        told = self._told()
        return told is not None and told["point"] == point and turn.endswith(told["turn"])

    def reached(self, point: str, turn: str = "") -> None:
        """A worker told to die or to freeze here does so; one told to wait goes on when the file is there that its order names."""
        told = self._told()
        if told is None or not self.armed(point, turn):
            return
        self._orders.unlink()
        self._diary.tell("reached", point=point, turn=turn)
        if told["act"] == DIE:
            os.kill(os.getpid(), signal.SIGKILL)
        elif told["act"] == FREEZE:
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            wait_until(lambda: self._may_go_on(Path(told["go"])), LONGEST_WAIT_S, "the test lets this worker go on")

    def _may_go_on(self, go: Path) -> bool:
        self.meanwhile()
        return go.exists()

    def _told(self) -> dict[str, str] | None:
        try:
            return json.loads(self._orders.read_text())  # type: ignore[no-any-return]
        except FileNotFoundError:
            return None

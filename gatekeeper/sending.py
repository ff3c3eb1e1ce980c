"""How answers leave: what a client does not take yet is kept for it, so that it holds no thread; and it waits only so long."""

from collections import deque
from select import POLLOUT, poll
from socket import MSG_DONTWAIT, socket
from typing import Any, Final

from gatekeeper import clock

MOST_KEPT: Final = 2 * 1024 * 1024
"""What is kept of an answer until its client takes it; of a longer one, such as an export, a thread waits for the client."""
IDLE_S: Final = 10
"""So long a client may take nothing."""
PATIENCE_S: Final = 30
LEAST_RATE: Final = 32 * 1024
LONGEST_S: Final = 3600
"""An answer waits for its client at most so long, and for each so many bytes that were taken a second more; never longer than the last."""


class Sending(socket):
    """A connection whose client may be slow."""

    def __init__(self, accepted: socket) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self._kept: deque[memoryview] = deque()
        self._left = 0
        self.asked_for_head = False
        """Whether the client wants no more than the head of the answer."""
        self.begin()

    def begin(self) -> None:
        """Another answer begins."""
        self._taken, self._waited = 0, 0.0

    @property
    def waits(self) -> bool:
        """Whether something is left that the client has not taken."""
        return bool(self._kept)

    def sendall(self, data: Any, flags: int = 0) -> None:  # noqa: ARG002 - as a socket has it
        """Returns when all but what may be kept has been taken. Raises ``TimeoutError`` where the client takes too long."""
        if data:
            self._kept.append(memoryview(data))
            self._left += len(data)
        self.push()
        while self._left > MOST_KEPT:
            began = clock.seconds()
            wait = poll()
            wait.register(self, POLLOUT)
            came = wait.poll(max(0.0, self.patience_s) * 1000)
            self.waited(clock.seconds() - began)
            if not came or self.patience_s <= 0:
                self._kept.clear()
                raise TimeoutError
            self.push()

    def push(self) -> None:
        """Gives the client what it takes at once."""
        while self._kept:
            try:
                sent = self.send(self._kept[0], MSG_DONTWAIT)
            except BlockingIOError:
                return
            self._taken += sent
            self._left -= sent
            if sent == len(self._kept[0]):
                self._kept.popleft()
            else:
                self._kept[0] = self._kept[0][sent:]

    @property
    def patience_s(self) -> float:
        """How long the answer waits on from here, with nothing taken."""
        return min(IDLE_S, min(LONGEST_S, PATIENCE_S + self._taken / LEAST_RATE) - self._waited)

    def waited(self, seconds: float) -> None:
        """The answer waited for its client so long."""
        self._waited += seconds

"""A proxy before the broker that reads Kafka's frames and can deliver one request late, as a network may."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType

END_TXN = 26

# Every frame begins with its size; a request goes on with api key, api version and correlation id, an answer with its correlation id.
_SIZE = struct.Struct(">i")
_REQUEST = struct.Struct(">hhi")
_ANSWER = struct.Struct(">i")


class Held:
    """One request that was taken out of the stream: the broker has not seen it yet, and its client hears no more on that connection."""

    def __init__(self, api_key: int, of: bytes, *, cut: bool) -> None:
        self.api_key = api_key
        self.of = of
        self.cut = cut
        self._caught = threading.Event()
        self._answered = threading.Event()
        self._broker: socket.socket | None = None
        self._frame = b""
        self._answer = b""

    @property
    def came(self) -> bool:
        """Whether a request has been caught."""
        return self._caught.is_set()

    def wait(self, seconds: float) -> None:
        """Returns when a request has been caught; TimeoutError if none comes."""
        if not self._caught.wait(seconds):
            raise TimeoutError(f"no request with api key {self.api_key} came in {seconds:g} s")

    def deliver(self, seconds: float) -> bytes:
        """Sends it to the broker on the connection that it came by; the broker's answer, after its correlation id."""
        if self._broker is None:
            raise RuntimeError("nothing has been caught")
        self._broker.sendall(self._frame)
        if not self._answered.wait(seconds):
            raise TimeoutError(f"the broker did not answer the late request in {seconds:g} s")
        return self._answer

    def catch(self, broker: socket.socket, frame: bytes) -> None:
        """Keeps the frame and the connection to the broker."""
        self._broker, self._frame = broker, frame
        self._caught.set()

    def take_answer(self, answer: bytes) -> None:
        """Keeps what the broker said, if it said it to this request."""
        if self._frame and _ANSWER.unpack_from(answer, _SIZE.size)[0] == _REQUEST.unpack_from(self._frame, _SIZE.size)[2]:
            self._answer = answer[_SIZE.size + _ANSWER.size :]
            self._answered.set()


class Proxy:
    """Listens on a port of 127.0.0.1 and passes every frame on to another; use it as a context."""

    def __init__(self, port: int, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._armed: Held | None = None
        self._shut = False
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port))

    def __enter__(self) -> "Proxy":
        self._run(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        _close(self._listener)
        self._threads[0].join()
        for end in self._sockets:
            _close(end)
        for thread in self._threads:
            thread.join()

    def hold_next(self, api_key: int, of: bytes = b"", *, cut: bool = True) -> Held:
        """From now on the next request of this kind that has ``of`` in it, on any connection, is held back.

        Its client is cut off, and sends it again on another connection; unless ``cut`` is false: then it waits for an answer
        that never comes.
        """
        with self._lock:
            self._armed = Held(api_key, of, cut=cut)
            return self._armed

    def let_pass(self) -> None:
        """What was to be held and has not come yet is not held any more."""
        with self._lock:
            self._armed = None

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Meanwhile no new connection is passed on."""
        self._shut = True
        try:
            yield
        finally:
            self._shut = False

    def _accept(self) -> None:
        while (client := _accepted(self._listener)) is not None:
            if self._shut:
                _close(client)
                continue
            try:
                broker = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                _close(client)
                continue
            for end in (client, broker):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, broker]
            held: list[Held] = []
            self._run(self._pass_requests, client, broker, held)
            self._run(self._pass_answers, client, broker, held)

    def _pass_requests(self, client: socket.socket, broker: socket.socket, held: list[Held]) -> None:
        while frame := _frame(client):
            if caught := self._caught(frame):
                held.append(caught)
                if caught.cut:
                    _close(client)
                caught.catch(broker, frame)
                return
            if not _sent(broker, frame):
                break
        _close(client)
        _close(broker)

    def _pass_answers(self, client: socket.socket, broker: socket.socket, held: list[Held]) -> None:
        while frame := _frame(broker):
            for late in held:
                late.take_answer(frame)
            if not held and not _sent(client, frame):
                break
        _close(client)
        _close(broker)

    def _caught(self, frame: bytes) -> Held | None:
        with self._lock:
            armed = self._armed
            if armed is None or _REQUEST.unpack_from(frame, _SIZE.size)[0] != armed.api_key or armed.of not in frame:
                return None
            self._armed = None
            return armed

    def _run(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


def _accepted(listener: socket.socket) -> socket.socket | None:
    try:
        return listener.accept()[0]
    except OSError:
        return None


def _frame(end: socket.socket) -> bytes:
    """The next whole frame with its size, or nothing when the connection has ended."""
    head = _exactly(end, _SIZE.size)
    body = _exactly(end, _SIZE.unpack(head)[0]) if head else b""
    return head + body if body else b""


def _exactly(end: socket.socket, size: int) -> bytes:
    read = bytearray()
    while len(read) < size:
        try:
            part = end.recv(min(size - len(read), 1 << 20))
        except OSError:
            return b""
        if not part:
            return b""
        read += part
    return bytes(read)


def _sent(end: socket.socket, frame: bytes) -> bool:
    try:
        end.sendall(frame)
    except OSError:
        return False
    return True


def _close(end: socket.socket) -> None:
    # Without the shutdown a thread that reads from it would not wake.
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()

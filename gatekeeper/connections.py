"""The connections of the API's server: a thread is given to a request whose head has come whole, and waits for its body for a bounded
time; what cannot be read is answered as a problem, and what a client does not take at once is given it without a thread."""

from collections import deque
from contextlib import suppress
from functools import partial
from os import SEEK_END
from selectors import EVENT_READ, EVENT_WRITE
from socket import SHUT_WR
from typing import Any, Final

from gunicorn.http.body import LengthReader
from gunicorn.http.errors import (
    InvalidHTTPVersion,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    NoMoreData,
    ParseException,
)
from gunicorn.util import http_date
from gunicorn.workers.gthread import ThreadWorker

from gatekeeper import clock
from gatekeeper.api.app import HEADERS
from gatekeeper.api.measured import unread
from gatekeeper.api.problems import Problem, answered
from gatekeeper.people.access import MOST_CHARACTERS
from gatekeeper.sending import Sending
from gatekeeper.telemetry import log

SERVER: Final = "gatekeeper"
MOST_CONNECTIONS: Final = 500
"""Where there are more, those that have waited longest with no whole request are closed."""
MOST_OF_A_HEAD: Final = 64 * 1024
MOST_OF_A_HEADER: Final = MOST_CHARACTERS + len("Authorization: Bearer \r\n")
LEAVING_S: Final = 2
"""So long a client may take to end a connection that was ended here: what it still sends would else destroy the answer under way."""
_KINDS: Final[dict[type[Exception], str]] = {
    LimitRequestLine: "address-too-long",
    LimitRequestHeaders: "headers-too-large",
    InvalidHTTPVersion: "http-version",
    # These are ours, though the library derives them from what a client does wrong.
    InvalidResponseHeader: "fault",
    InvalidResponseHeaderName: "fault",
}


class Threads(ThreadWorker):  # type: ignore[misc] # it has no types
    """Waits for requests in one loop, and ends what only waits when it is told to stop."""

    def init_process(self) -> None:
        self._leaving: deque[Any] = deque()
        """Connections that were ended here, and not yet by their clients."""
        self._sending: deque[Any] = deque()
        """Connections whose clients have not taken all of their answers."""
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """Called where something may have come over a connection, which is in no one's hands now."""
        if not conn.initialized:
            conn.sock = Sending(conn.sock)
            conn.init()
            conn.parser.unreader.sock = _Timed(conn)
        conn.sock.settimeout(0)
        conn.timeout = clock.seconds() + self.app.request_s
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._hear, conn))
        self._hear(conn)

    def _hear(self, conn: Any, _: Any = None) -> None:
        """Takes what came of a head. The parser is given it once it can say what it is without waiting for more."""
        heard = conn.parser.unreader.buf
        came = b""
        if not _is_whole(heard.getvalue()):
            try:
                came = conn.sock.recv(MOST_OF_A_HEAD)
            except BlockingIOError:
                return
            except OSError:
                self._close(conn, self.pending_conns)
                return
            heard.seek(0, SEEK_END)
            heard.write(came)
        head = heard.getvalue()
        conn.sock.asked_for_head = head.removeprefix(b"\r\n").startswith(b"HEAD ")
        if _is_whole(head):
            self._take_out(conn, self.pending_conns)
            super().enqueue_req(conn)
        elif len(head) > MOST_OF_A_HEAD:
            self._refuse(conn, "headers-too-large" if b"\r\n" in head else "address-too-long")
        elif not came:
            self._refuse(conn, "bad-request")

    def handle_request(self, req: Any, conn: Any) -> Any:
        conn.sock.begin()
        req.body.reader = _Whole(req.body.reader)
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:  # noqa: ARG002
        """Answers what the parser refused."""
        kind = _KINDS.get(type(exc), "bad-request" if isinstance(exc, ParseException) else "fault")
        if kind == "fault":
            log("request_failed", code=type(exc).__name__)
        with suppress(OSError):
            client.sendall(_written(kind, head_only=client.asked_for_head))

    def _keepalive_after(self, conn: Any, keepalive: Any) -> Any:
        # What nobody read of a body is not waited for: whoever has no token would hold a thread by it.
        conn.timeout = clock.seconds()
        try:
            return keepalive and conn.parser.finish_body(max_bytes=MOST_OF_A_HEAD)
        except Problem:
            return False

    def finish_request(self, conn: Any, fs: Any) -> None:
        """As the library does, but once the answer has left, and without waiting for the client's end in the loop that all wait for."""
        if conn.sock.waits and conn.sock.fileno() >= 0:
            self._send_on(conn, fs)
        elif fs.cancelled() or fs.exception() is not None or not fs.result():
            self._leave(conn)
        else:
            super().finish_request(conn, fs)

    def _send_on(self, conn: Any, fs: Any) -> None:
        conn.done, conn.waits_since = fs, clock.seconds()
        conn.timeout = conn.waits_since + conn.sock.patience_s
        self._sending.append(conn)
        self.poller.register(conn.sock, EVENT_WRITE, partial(self._push, conn))

    def _push(self, conn: Any, _: Any) -> None:
        now = clock.seconds()
        conn.sock.waited(now - conn.waits_since)
        try:
            conn.sock.push()
        except OSError:
            self._close(conn, self._sending)
            return
        if conn.sock.waits:
            conn.waits_since, conn.timeout = now, now + conn.sock.patience_s
        else:
            self._take_out(conn, self._sending)
            self.finish_request(conn, conn.done)

    def murder_pending(self) -> None:
        """Called at least every second."""
        now = clock.seconds()
        while self.pending_conns and self.pending_conns[0].timeout <= now:
            self._refuse(self.pending_conns[0], "too-slow")
        if not self.alive:
            for conn in [conn for conn in self.pending_conns if not conn.parser.unreader.buf.getvalue()]:
                self._close(conn, self.pending_conns)
        while self._leaving and self._leaving[0].timeout <= now:
            self._close(self._leaving[0], self._leaving)
        for conn in [conn for conn in self._sending if conn.timeout <= now]:
            self._close(conn, self._sending)
        for waiting in (self._leaving, self.pending_conns, self.keepalived_conns, self._sending):
            while waiting and self.nr_conns >= self.worker_connections:
                self._close(waiting[0], waiting)

    def _refuse(self, conn: Any, kind: str) -> None:
        """Answers a connection whose request has not come whole, if anything of it has."""
        self._take_out(conn, self.pending_conns)
        if conn.parser.unreader.buf.getvalue():
            with suppress(OSError):
                conn.sock.send(_written(kind, head_only=conn.sock.asked_for_head))
        self._leave(conn)

    def _leave(self, conn: Any) -> None:
        try:
            conn.sock.settimeout(0)
            conn.sock.shutdown(SHUT_WR)
        except OSError:
            self.nr_conns -= 1
            conn.close()
            return
        conn.timeout = clock.seconds() + LEAVING_S
        self._leaving.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._see_off, conn))

    def _see_off(self, conn: Any, _: Any) -> None:
        try:
            gone = not conn.sock.recv(MOST_OF_A_HEAD)
        except BlockingIOError:
            return
        except OSError:
            gone = True
        if gone:
            self._close(conn, self._leaving)

    def _take_out(self, conn: Any, waiting: deque[Any]) -> None:
        waiting.remove(conn)
        self.poller.unregister(conn.sock)

    def _close(self, conn: Any, waiting: deque[Any]) -> None:
        self._take_out(conn, waiting)
        self.nr_conns -= 1
        conn.close()

    def handle_exit(self, sig: Any, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self.app.stopping.set()

    def handle_quit(self, sig: Any, frame: Any) -> None:
        self.app.stopping.set()
        super().handle_quit(sig, frame)


class _Timed:
    """A connection's socket, for which a thread waits no longer than the time of the request."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn

    def recv(self, most: int) -> Any:
        left = self._conn.timeout - clock.seconds()
        sock = self._conn.sock
        # Past its time it takes what has come already.
        sock.settimeout(max(0.0, left))
        try:
            return sock.recv(most)
        except BlockingIOError:
            raise TimeoutError from None
        finally:
            sock.settimeout(None)


class _Whole:
    """A reader of a body that never takes the beginning of one for the whole, as the library's does."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, size: int) -> Any:
        lacking = min(size, self._reader.length) if isinstance(self._reader, LengthReader) else 0
        try:
            came = self._reader.read(size)
        except TimeoutError:
            raise Problem("too-slow") from None
        except (NoMoreData, ParseException):
            raise Problem("bad-request") from None
        if len(came) < lacking:
            raise Problem("bad-request", "The body is shorter than its `Content-Length`.")
        return came


def _is_whole(heard: bytes) -> bool:
    """Whether a head ends here, or can be refused as it is: for a line that ends as no line may."""
    head = heard.removeprefix(b"\r\n")
    return b"\r\n\r\n" in head or head.count(b"\n") != head.count(b"\r\n")


def _written(kind: str, *, head_only: bool) -> bytes:
    """An answer as it leaves, where there is no application to make it."""
    response = answered(Problem(kind))
    unread(response.status_code)
    own = {"Server": SERVER, "Date": http_date(), "Connection": "close", "Content-Length": str(response.content_length)}
    lines = [f"HTTP/1.1 {response.status}", *(f"{name}: {text}" for name, text in (dict(response.headers) | HEADERS | own).items())]
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if head_only else response.get_data())

"""The connections of the API's server: a client that is slow holds a thread for a bounded time."""

import struct
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from socket import SHUT_RD, SO_SNDTIMEO, SOL_SOCKET
from threading import Lock
from typing import Any, Final

from gunicorn.workers.gthread import ThreadWorker

from gatekeeper import clock

SENDING_S: Final = 10
"""So long a client may take nothing of its answer."""
HAS_A_BODY: Final = frozenset({"CONTENT-LENGTH", "TRANSFER-ENCODING"})


class Threads(ThreadWorker):  # type: ignore[misc] # it has no types
    """Gives a thread to a connection when something comes over it, reads no request for longer than is set, and ends what only waits
    when it is told to stop.
    """

    def init_process(self) -> None:
        self._reading: dict[Any, float] = {}
        """Since when the request of a connection is being read."""
        self._lock = Lock()
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """As the library does with a connection that stays silent, but without having waited for it in a thread."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.setsockopt(SOL_SOCKET, SO_SNDTIMEO, struct.pack("ll", SENDING_S, 0))
        conn.sock.settimeout(0)
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: Any) -> Any:
        with self._lock:
            self._reading[conn] = clock.seconds()
        try:
            return super().handle(conn)
        finally:
            self._read(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        if not HAS_A_BODY & {name for name, _ in req.headers}:
            self._read(conn)
        return super().handle_request(req, conn)

    def _read(self, conn: Any) -> None:
        with self._lock:
            self._reading.pop(conn, None)

    def murder_pending(self) -> None:
        """Called every second. Nothing more is read of a request that takes too long; it may still be answered."""
        super().murder_pending()
        since = clock.seconds() - self.app.request_s
        with self._lock:
            for conn in [conn for conn, begun in self._reading.items() if begun < since]:
                del self._reading[conn]
                # Its client may be gone by itself.
                with suppress(OSError):
                    conn.sock.shutdown(SHUT_RD)

    def handle_exit(self, sig: Any, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self.app.stopping.set()

    def handle_quit(self, sig: Any, frame: Any) -> None:
        self.app.stopping.set()
        super().handle_quit(sig, frame)

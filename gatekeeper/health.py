"""Health and metrics over HTTP, for operations: /metrics, /health/live, /health/ready."""

import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from prometheus_client.exposition import choose_encoder

from gatekeeper.errors import Unusable
from gatekeeper.metrics import REGISTRY
from gatekeeper.telemetry import log

PATIENCE_S = 5
"""How long a client may take to say what it wants."""


class Health:
    """What is served, at ``port``, until ``close``."""

    def __init__(self, host: str, port: int, ready: Callable[[], bool], live: Callable[[], bool], told: Callable[[], str]) -> None:
        answers = {"/health/live": (live, str), "/health/ready": (ready, told)}
        try:
            self._server = _Server((host, port), type("Answers", (_Answers,), {"answers": answers}))
        except (OSError, OverflowError) as error:
            raise Unusable(
                f"GATEKEEPER_HEALTH_HOST and GATEKEEPER_HEALTH_PORT name a place that cannot be served ({type(error).__name__})."
            ) from None
        self.port: int = self._server.server_address[1]
        Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def close(self) -> None:
        """Serves no more."""
        self._server.shutdown()
        self._server.server_close()


def serve_health(host: str, port: int, ready: Callable[[], bool], live: Callable[[], bool], told: Callable[[], str] = str) -> Health:
    """Serves in a thread of its own. All three are asked at each request, in another thread, and must answer at once.

    ``told`` gives lines that follow the word of whether it is ready.
    """
    health = Health(host, port, ready, live, told)
    log("health_served", port=health.port)
    return health


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        kind = sys.exc_info()[0]
        log("health_failed", code=kind.__name__ if kind else "unknown")


class _Answers(BaseHTTPRequestHandler):
    timeout = PATIENCE_S
    server_version, sys_version = "gatekeeper", ""
    answers: dict[str, tuple[Callable[[], bool], Callable[[], str]]]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            encode, kind = choose_encoder(self.headers.get("Accept", ""))
            self._answer(200, kind, encode(REGISTRY))
        elif path in self.answers:
            asked, told = self.answers[path]
            well = asked()
            self._answer(200 if well else 503, "text/plain; charset=utf-8", (b"yes\n" if well else b"no\n") + told().encode())
        else:
            self._answer(404, "text/plain; charset=utf-8", b"There are /metrics, /health/live and /health/ready.\n")

    def log_message(self, *_: Any) -> None:
        """Requests are not logged: their words come from outside."""

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

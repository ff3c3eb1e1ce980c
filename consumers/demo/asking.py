"""The API over the demonstration's ledger, for the sample people of its issuer."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from socket import create_server
from threading import Event, Thread
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from consumers.demo.issuer import AUDIENCE, HOST, Issuer, issuing, sample_people
from consumers.demo.world import World
from gatekeeper.config import Settings
from gatekeeper.errors import Unusable
from gatekeeper.opening import open_ledger
from gatekeeper.readers import DISCOVER
from gatekeeper.serving import QUERY_TIMEOUT_S, application


class _Quiet(WSGIRequestHandler):
    def version_string(self) -> str:
        return "gatekeeper"

    def log(self, *_: Any, **__: Any) -> None:
        """Nothing: the demonstration has a screen of its own."""


@contextmanager
def answering(settings: Settings, world: World) -> Iterator[Issuer]:
    """Answers over HTTP at the port of ``settings``; gives who hands out tokens for it."""
    with issuing(settings, sample_people(world.program.name)) as issuer:
        given = replace(world.settings, issuer=issuer.address, audience=AUDIENCE, jwks_url=DISCOVER, http_rate=settings.http_rate)
        stopping, engine = Event(), open_ledger(given, statement_timeout_s=QUERY_TIMEOUT_S, connections=settings.http_threads + 2)
        try:
            server = _server(settings, application(given, engine, world.book, stopping))
            thread = Thread(target=server.serve_forever, args=(0.1,), name="http", daemon=True)
            thread.start()
            try:
                yield issuer
            finally:
                stopping.set()
                server.shutdown()
                thread.join()
                server.server_close()
        finally:
            engine.dispose()


def _server(settings: Settings, app: Any) -> Any:
    try:
        # The library would say by itself, and in its own words, that the port is in use.
        with create_server((HOST, settings.http_port)) as listening:
            return make_server(HOST, settings.http_port, app, threaded=True, request_handler=_Quiet, fd=listening.fileno())
    except OSError:
        raise Unusable(f"Port {settings.http_port} is in use: set GATEKEEPER_HTTP_PORT to another.") from None

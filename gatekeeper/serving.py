"""The API on gunicorn: one process with threads; whoever needs more runs more of them."""

import gc
import sys
from threading import Event, Thread
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from sqlalchemy import Engine

from gatekeeper.api.app import make_app
from gatekeeper.config import Settings
from gatekeeper.connections import MOST_CONNECTIONS, MOST_OF_A_HEADER, SERVER, Threads
from gatekeeper.listing import follow
from gatekeeper.metrics import LISTS_FOLLOWED
from gatekeeper.opening import migrate_ledger, open_ledger
from gatekeeper.people.access import must_recognize
from gatekeeper.registry import site_list
from gatekeeper.rules import RuleBook
from gatekeeper.telemetry import log, start_logging

QUERY_TIMEOUT_S: Final = 10
"""What the database has not answered by then is answered with 503."""
KEEP_ALIVE_S: Final = 5
TURN_S: Final = 0.0005
"""So long a thread that only computes keeps the others from the interpreter: each of a request's questions to the database ends with
waiting for it."""
CONTAINERS_BETWEEN_COLLECTIONS: Final = 50_000
"""What a request makes is gone when it ends, but for a few small cycles: to look for them as often as is usual costs a fifth of the
time."""


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT. Raises ``Unusable`` where it cannot begin, ``TryAgain`` where the database is away."""
    must_recognize(settings)
    start_logging(settings.log_level)
    if settings.database_url is None:
        migrate_ledger(settings)
    book = RuleBook.read(settings.programs, settings.programs_added)
    # Only to say in one sentence what is wrong: connections must not go through a fork.
    open_ledger(settings).dispose()
    _Server(settings, book).run()


def application(settings: Settings, engine: Engine, book: RuleBook, stopping: Event) -> Flask:
    """The API on this ledger, and what keeps its lists up to it until ``stopping``."""
    # With time of its own: a large load of the registry is taken in by one statement.
    lists = Thread(target=_keep_lists, args=(open_ledger(settings, connections=2), stopping), name="listing", daemon=True)
    lists.start()
    LISTS_FOLLOWED.set_function(lists.is_alive)
    return make_app(settings, engine, book, stopping, lists.is_alive)


def _keep_lists(engine: Engine, stopping: Event) -> None:
    try:
        follow(engine, stopping, site_list.step)
    finally:
        engine.dispose()


class _Server(BaseApplication):  # type: ignore[misc] # it has no types
    def __init__(self, settings: Settings, book: RuleBook) -> None:
        self._settings, self._book, self.stopping, self.request_s = settings, book, Event(), settings.http_request_s
        super().__init__()

    def load_config(self) -> None:
        """As the settings say; gunicorn's own environment variables and files count for nothing."""
        settings = self._settings
        host = f"[{settings.http_host}]" if ":" in settings.http_host else settings.http_host
        wanted: dict[str, Any] = {
            "bind": f"{host}:{settings.http_port}",
            "workers": 1,
            "worker_class": Threads,
            "threads": settings.http_threads,
            "worker_connections": MOST_CONNECTIONS,
            "limit_request_field_size": MOST_OF_A_HEADER,
            "http_parser": "python",
            "keepalive": KEEP_ALIVE_S,
            "graceful_timeout": settings.stop_deadline_s,
            "logger_class": Silent,
            "when_ready": lambda _: log("http_served", port=settings.http_port),
            "forwarded_allow_ips": "",
            "control_socket_disable": True,
        }
        for name, value in wanted.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """In the process that serves."""
        wsgi.SERVER = SERVER
        settings = self._settings
        engine = open_ledger(settings, statement_timeout_s=QUERY_TIMEOUT_S, connections=settings.http_threads + 2)
        app = application(settings, engine, self._book, self.stopping)
        sys.setswitchinterval(TURN_S)
        gc.freeze()
        gc.set_threshold(CONTAINERS_BETWEEN_COLLECTIONS)
        return app


class Silent(Logger):  # type: ignore[misc]
    """gunicorn's own lines show requests; of those that matter only that there was one, and how grave it was."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg

    def critical(self, *_: Any, **__: Any) -> None:
        log("library_said", library="gunicorn", code="critical")

    def error(self, *_: Any, **__: Any) -> None:
        log("library_said", library="gunicorn", code="error")

    exception = error

    def warning(self, *_: Any, **__: Any) -> None:
        log("library_said", library="gunicorn", code="warning")

    def info(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    debug = access = info

    def log(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def reopen_files(self) -> None:
        """There are none."""

    def close_on_exec(self) -> None:
        """There is nothing open."""

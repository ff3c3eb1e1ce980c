"""``gatekeeper serve`` as a program that runs, for tests."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.api.desk import KEY, OKPAlgorithm, token
from tests.gate.ledger import Ledger
from tests.real.ports import free_ports
from tests.real.waiting import wait_until


class Served:
    def __init__(self, port: int, log: Path, running: subprocess.Popen[bytes]) -> None:
        self.port, self.log, self.running = port, log, running

    def ask(self, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read(), dict(error.headers)

    def say(self, sent: bytes, *, ended: bool = False) -> bytes:
        """All that is answered to these bytes, after which the client says no more if it has ``ended``, and else waits."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as raw:
            raw.sendall(sent)
            if ended:
                raw.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: raw.recv(65536), b""))

    def ready(self) -> bool:
        assert self.running.poll() is None, self.log.read_text()
        try:
            return self.ask("/health/ready")[0] == 200
        except OSError:
            return False


@contextmanager
def serving(ledger: Ledger, tmp_path: Path, request_s: int) -> Iterator[Served]:
    """With two threads; a request must have come whole within so many seconds."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "1"}]}))
    (port,) = free_ports(1)
    given = {"DATABASE_URL": ledger.url, "JWKS": str(tmp_path / "keys.json"), "ISSUER": "id", "AUDIENCE": "gate", "HTTP_PORT": str(port)}
    given |= {"HTTP_THREADS": "2", "HTTP_REQUEST_S": str(request_s)}
    environment = os.environ | {f"GATEKEEPER_{name}": text for name, text in given.items()} | {"GUNICORN_CMD_ARGS": "--access-logfile=-"}
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen([str(Path(sys.executable).parent / "gatekeeper"), "serve"], env=environment, stdout=log, stderr=log)
    served = Served(port, tmp_path / "log", running)
    try:
        wait_until(served.ready, 60, "the API answers")
        yield served
    finally:
        running.kill()
        running.wait()


@pytest.fixture
def served(ledger: Ledger, tmp_path: Path) -> Iterator[Served]:
    with serving(ledger, tmp_path, 1) as served:
        yield served


@pytest.fixture
def patient(ledger: Ledger, tmp_path: Path) -> Iterator[Served]:
    """Waits longer for a request than any test does."""
    with serving(ledger, tmp_path, 120) as served:
        yield served


def lead() -> str:
    """A header that may do what everybody may together."""
    return f"Authorization: Bearer {token(roles=['lead', 'rems'], wholesalers=['*'], programs=['*'])}\r\n"

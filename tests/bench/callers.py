"""`gatekeeper serve` in a program of its own, and callers of it that wait for each answer."""

import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import jwt
import psutil
from cryptography.hazmat.primitives.asymmetric import ed25519
from jwt.algorithms import OKPAlgorithm

from tests.bench.place import GATEKEEPER, peak_of
from tests.real.ports import free_ports
from tests.real.waiting import wait_until


class Client:
    """One caller with one connection."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}

    def close(self) -> None:
        self._connection.close()

    def ask(self, path: str, body: bytes | None = None, kind: str = "application/x-ndjson") -> tuple[float, bytes]:
        """Milliseconds, and what was answered. Raises where it was not answered well, but for what is said to be too much."""
        headers = self._headers if body is None else self._headers | {"Content-Type": kind}
        begun = time.perf_counter()
        self._connection.request("GET" if body is None else "POST", path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        took = (time.perf_counter() - begun) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {content[:300]!r}")
        return took, content


class Serving(NamedTuple):
    port: int
    token: str
    pid: int

    def client(self) -> Client:
        return Client(self.port, self.token)

    def peak(self) -> int:
        """The most resident memory, in MB, that it ever had."""
        return max(peak_of(worker.pid) for worker in psutil.Process(self.pid).children())


@contextmanager
def serving_on(folder: Path, url: str) -> Iterator[Serving]:
    """`gatekeeper serve` in a program of its own."""
    key = ed25519.Ed25519PrivateKey.generate()
    keys = folder / "keys.json"
    keys.write_text(json.dumps({"keys": [OKPAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "1"}]}))
    claims = {"iss": "id", "aud": "gate", "sub": "bench", "name": "Bench", "exp": datetime.now(UTC) + timedelta(hours=2)}
    claims |= {"roles": ["lead"], "wholesalers": ["*"], "programs": ["*"]}
    token = jwt.encode(claims, key, "EdDSA", headers={"kid": "1"})
    (port,) = free_ports(1)
    own = {"DATABASE_URL": url, "HTTP_PORT": str(port), "HTTP_RATE": "100000", "JWKS": str(keys), "ISSUER": "id", "AUDIENCE": "gate"}
    environment = os.environ | {f"GATEKEEPER_{name}": value for name, value in own.items()}
    with (folder / "serve.log").open("ab") as log:
        server = subprocess.Popen([*GATEKEEPER, "serve"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    serving = Serving(port, token, server.pid)

    def ready() -> bool:
        try:
            with closing(serving.client()) as client:
                return bool(client.ask("/health/ready"))
        except (OSError, RuntimeError):
            return False

    try:
        wait_until(ready, 60, "the API is served")
        yield serving
    finally:
        server.terminate()
        server.wait(30)

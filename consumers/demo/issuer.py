"""The demonstration's issuer of tokens, with sample people: whoever asks on this machine is who he says. Never beside a real ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from gatekeeper import clock
from gatekeeper.config import Settings
from gatekeeper.errors import Unusable

HOST: Final = "127.0.0.1"
AUDIENCE: Final = "gatekeeper-demo"
LASTS: Final = timedelta(hours=12)
MOST_BYTES: Final = 1000
KEY_ID: Final = "demo"
EVERY: Final = ("*",)


class SamplePerson(NamedTuple):
    name: str
    role: str
    wholesalers: tuple[str, ...] = EVERY
    programs: tuple[str, ...] = EVERY


def sample_people(program: str) -> dict[str, SamplePerson]:
    """Who may ask for a token, by the word that names each; the REMS is that of ``program``."""
    return {
        "officer": SamplePerson("Olivia Reyes", "compliance-officer"),
        "deputy": SamplePerson("Noor Haddad", "compliance-officer"),
        "reader": SamplePerson("Ravi Menon", "compliance-reader", ("WD-001",), (program,)),
        "lead": SamplePerson("Lena Fischer", "lead"),
        "order-system": SamplePerson("Order system of WD-001", "order-system", ("WD-001",)),
        "rems": SamplePerson("REMS administrator", "rems", EVERY, (program,)),
        "auditor": SamplePerson("Ada Okafor", "auditor"),
        "operator": SamplePerson("Sam Ito", "operator"),
    }


def refuse_what_is_real(settings: Settings) -> None:
    """Raises ``Unusable`` where a database or a broker is named: what is made up must never stand beside what is real."""
    for name, value in (("DATABASE_URL", settings.database_url), ("KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)):
        if value is not None:
            raise Unusable(
                f"GATEKEEPER_{name} is set: the demonstration makes its own database and broker, and touches no other; unset it first."
            )


class Issuer(ThreadingHTTPServer):
    """Its document, its keys, and a token for each sample person. The key is of this start alone."""

    daemon_threads = True

    def __init__(self, settings: Settings, people: dict[str, SamplePerson]) -> None:
        refuse_what_is_real(settings)
        self.people = people
        self._key = Ed25519PrivateKey.generate()
        super().__init__((HOST, settings.http_port + 1), _Asked)
        self.address = f"http://{HOST}:{self.server_address[1]}"

    def documents(self) -> dict[str, Any]:
        """What is answered, by path."""
        key = OKPAlgorithm.to_jwk(self._key.public_key(), as_dict=True) | {"kid": KEY_ID, "use": "sig"}
        return {
            "/.well-known/openid-configuration": {"issuer": self.address, "jwks_uri": f"{self.address}/keys"},
            "/keys": {"keys": [key]},
            "/people": {word: person._asdict() for word, person in self.people.items()},
        }

    def token(self, word: str) -> str:
        """For the sample person of this word, for some hours."""
        person, now = self.people[word], clock.now()
        claims = {
            "iss": self.address, "aud": AUDIENCE, "sub": f"demo-{word}", "name": person.name, "iat": now, "exp": now + LASTS,
            "roles": [person.role], "wholesalers": [*person.wholesalers], "programs": [*person.programs],
        }  # fmt: skip
        return jwt.encode(claims, self._key, "EdDSA", headers={"kid": KEY_ID})


class _Asked(BaseHTTPRequestHandler):
    server: Issuer
    timeout = 5

    def do_GET(self) -> None:
        document = self.server.documents().get(self.path)
        if self._meant() and document is not None:
            self._say(200, msgspec.json.encode(document), "application/json")
        else:
            self._say(404, b"There is nothing here.\n")

    def do_POST(self) -> None:
        """A token, as text, for `person=WORD`."""
        length = self.headers.get("Content-Length", "")
        if self.path != "/token" or not self._meant() or not length.isdecimal() or int(length) > MOST_BYTES:
            self._say(404, b"There is nothing here.\n")
            return
        (word,) = parse_qs(self.rfile.read(int(length)).decode("ascii", "replace")).get("person", [""])[:1]
        if word in self.server.people:
            self._say(200, self.server.token(word).encode())
        else:
            self._say(400, f"Say who you are: person={'|'.join(self.server.people)}\n".encode())

    def _meant(self) -> bool:
        """Asked by name of this machine, and by no page in a browser."""
        port = self.server.server_address[1]
        return self.headers.get("Host") in {f"{HOST}:{port}", f"localhost:{port}"} and "Origin" not in self.headers

    def _say(self, status: int, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "gatekeeper"

    def log_message(self, *_: Any) -> None:
        """Nothing: the demonstration has a screen of its own."""


@contextmanager
def issuing(settings: Settings, people: dict[str, SamplePerson]) -> Iterator[Issuer]:
    """Answers at the port after that of the API."""
    try:
        issuer = Issuer(settings, people)
    except OSError:
        raise Unusable(f"Port {settings.http_port + 1} is in use: set GATEKEEPER_HTTP_PORT to another than {settings.http_port}.") from None
    with issuer:
        thread = Thread(target=issuer.serve_forever, args=(0.1,), name="issuer", daemon=True)
        thread.start()
        try:
            yield issuer
        finally:
            issuer.shutdown()
            thread.join()

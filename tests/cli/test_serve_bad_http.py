"""What is no whole, no right or no timely HTTP, over a real socket: a clear problem, nothing changed, and nobody else waits."""

import json
import socket
from contextlib import ExitStack
from http.client import HTTPResponse
from typing import Any
from uuid import UUID

from gatekeeper.api.app import HEADERS
from gatekeeper.api.problems import PREFIX
from gatekeeper.api.reader import FOLDER
from gatekeeper.storage import tables
from tests.api.desk import token
from tests.cli.served import Served, lead, patient, served
from tests.feed.rems import acknowledgement
from tests.gate.conftest import ledger, template
from tests.gate.ledger import Ledger

__all__ = ["ledger", "patient", "served", "template"]
MARKER = "P-00001234"
ONE, OTHER = (acknowledgement(str(UUID(int=number))) + b"\n" for number in (1, 2))
MOST = 8 * 1024 * 1024


def sending(length: str, key: str = "k-1") -> bytes:
    head = f"POST /v1/acknowledgements HTTP/1.1\r\nHost: here\r\nConnection: close\r\nIdempotency-Key: {key}\r\n{lead()}"
    return f"{head}Content-Type: application/x-ndjson\r\n{length}\r\n\r\n".encode()


def whole(body: bytes) -> bytes:
    return sending(f"Content-Length: {len(body)}") + body


def chunked(body: bytes) -> bytes:
    return sending("Transfer-Encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def read(answer: bytes) -> tuple[int, dict[str, str], Any]:
    """Status, headers and content of one answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["Content-Length"]) == len(body)
    return int(first.split()[1]), headers, json.loads(body)


def refused(answer: bytes, kind: str, status: int) -> None:
    """It is this problem, complete, with the headers of every answer, and repeats nothing that was sent."""
    found, headers, document = read(answer)
    assert (found, document["type"], document["status"]) == (status, PREFIX + kind, status), document
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Server"] == "gatekeeper"
    assert headers.items() >= HEADERS.items()
    assert MARKER.encode() not in answer


CUT = chunked(ONE + OTHER)[: -len(OTHER)]
NOT_WHOLE = {
    "ended": (sending(f"Content-Length: {len(ONE + OTHER)}") + ONE, "bad-request", 400),
    "slow": (sending(f"Content-Length: {len(ONE + OTHER)}") + ONE, "too-slow", 408),
    "ended in a chunk": (CUT, "bad-request", 400),
    "slow in a chunk": (CUT, "too-slow", 408),
    "ended without the end": (chunked(ONE + OTHER)[:-2], "bad-request", 400),
    "much more": (chunked(ONE + b" " * (MOST + MOST // 2)), "too-large", 413),
    "one more in a chunk": (chunked(ONE.ljust(MOST + 1)), "too-large", 413),
    "one more": (whole(ONE.ljust(MOST + 1)), "too-large", 413),
}


def test_the_beginning_of_a_body_is_not_the_whole(served: Served, ledger: Ledger) -> None:
    before = ledger.rows(tables.BLOCK)
    for name, (body, kind, status) in NOT_WHOLE.items():
        refused(served.say(body, ended=name.startswith("ended")), kind, status)
        assert ledger.rows(tables.BLOCK) == before, name
    for body in (whole, chunked):
        found, _, document = read(served.say(body((ONE + OTHER).ljust(MOST))))
        assert (found, len(document["acknowledgements"])) == (200, 2), "the key stood for nothing, and so much is not too much"


GET = f"GET /health/live?{MARKER} HTTP/1.1\r\nHost: here\r\n"
REFUSED = {
    "a long header": (f"{GET}X-Long: {MARKER * 2000}\r\n\r\n", "headers-too-large", 431),
    "many headers": (f"{GET}" + f"X-Many: {MARKER}\r\n" * 110 + "\r\n", "headers-too-large", 431),
    "headers without an end": (f"{GET}" + f"X-Many: {MARKER}\r\n" * 5000, "headers-too-large", 431),
    "a long address": (f"GET /{MARKER * 500} HTTP/1.1\r\nHost: here\r\n\r\n", "address-too-long", 414),
    "an address without an end": (f"GET /{MARKER * 9000}", "address-too-long", 414),
    "a NUL": (f"GET /{MARKER}\0 HTTP/1.1\r\nHost: here\r\n\r\n", "bad-request", 400),
    "two lengths": (f"{GET}Content-Length: 1\r\nContent-Length: 2\r\nX: {MARKER}\r\n\r\n12", "bad-request", 400),
    "two kinds of length": (f"{GET}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "bad-request", 400),
    "a strange coding": (f"{GET}Transfer-Encoding: {MARKER}\r\n\r\n", "bad-request", 400),
    "a strange expectation": (f"{GET}Expect: {MARKER}\r\n\r\n", "bad-request", 400),
    "a strange method": (f"{MARKER.lower()} / HTTP/1.1\r\nHost: here\r\n\r\n", "bad-request", 400),
    "a strange version": (f"GET /{MARKER} HTTP/9.9\r\nHost: here\r\n\r\n", "http-version", 505),
    "no version": (f"GET /{MARKER}\r\n\r\n", "bad-request", 400),
    "no name of a header": (f"{GET}: {MARKER}\r\n\r\n", "bad-request", 400),
    "no HTTP": (f"\x16\x03\x01{MARKER}\r\n\r\n", "bad-request", 400),
    "lines of another kind": (f"GET /{MARKER} HTTP/1.1\n\n", "bad-request", 400),
    "half a head": (f"{GET}X: {MARKER}", "bad-request", 400),
}


def test_what_cannot_be_read_is_a_problem_without_an_echo(patient: Served) -> None:
    for name, (sent, kind, status) in REFUSED.items():
        refused(patient.say(sent.encode("latin-1"), ended=name == "half a head"), kind, status)
    assert MARKER not in patient.log.read_text()


def test_who_asks_for_a_head_gets_no_body(served: Served) -> None:
    """Whatever is refused, and wherever: he would take a body for the beginning of the next answer."""
    for name in ("a long header", "headers without an end", "a long address", "a strange version", "lines of another kind", "half a head"):
        sent, _, status = REFUSED[name]
        for ended in (True, False) if name == "half a head" else (True,):
            head, _, body = served.say(sent.replace("GET", "HEAD", 1).encode("latin-1"), ended=ended).partition(b"\r\n\r\n")
            assert (int(head.split()[1]), body) == (status if ended else 408, b""), name


def test_who_is_slow_or_does_not_end_holds_up_nobody(patient: Served) -> None:
    """Many more than there are threads: heads that are not whole, bodies of nobody, answers whose readers stay."""
    unfinished = ("G", GET, "POST /v1/rehearsals HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\n{", f"{GET}Connection: close\r\n\r\n")
    with ExitStack() as open_ones:
        for sent in unfinished * 10:
            raw = open_ones.enter_context(socket.create_connection(("127.0.0.1", patient.port), timeout=20))
            raw.sendall(sent.encode())
        assert patient.ask("/health/live")[0] == 200


def test_who_announces_a_body_and_may_not_ask_holds_up_nobody(patient: Served) -> None:
    """He is answered at once, without a token, and what he does not send is not waited for."""
    asked = b"POST /v1/rehearsals HTTP/1.1\r\nHost: here\r\nContent-Length: 60\r\n\r\n"
    with ExitStack() as open_ones:
        for _ in range(200):
            open_ones.enter_context(socket.create_connection(("127.0.0.1", patient.port), timeout=20)).sendall(asked)
        with socket.create_connection(("127.0.0.1", patient.port), timeout=5) as quick:
            quick.sendall(b"GET /health/live HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            assert quick.recv(15) == b"HTTP/1.1 200 OK"
    whole = asked + b"{" + b" " * 59
    with socket.create_connection(("127.0.0.1", patient.port), timeout=20) as kept:
        for _ in range(2):
            kept.sendall(whole)
            answer = HTTPResponse(kept)
            answer.begin()
            assert answer.status == 401, "what came with the head is passed over, and the connection stays"
            answer.read()


def test_who_stops_reading_holds_up_nobody(patient: Served) -> None:
    """More than there are threads, each with long answers that he does not take; who goes on reading gets all of his."""
    asked = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: here\r\n\r\n" * 5 + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
    with ExitStack() as open_ones:
        slow = []
        for _ in range(8):
            raw = open_ones.enter_context(socket.socket())
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.settimeout(20)
            raw.connect(("127.0.0.1", patient.port))
            raw.sendall(asked)
            slow.append(raw)
        for raw in slow:
            assert raw.recv(15) == b"HTTP/1.1 200 OK"
        with socket.create_connection(("127.0.0.1", patient.port), timeout=5) as quick:
            quick.sendall(b"GET /health/live HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            assert quick.recv(15) == b"HTTP/1.1 200 OK"
        content = b"".join(iter(lambda: slow[0].recv(65536), b""))
        assert content.count((FOLDER / "swagger-ui-bundle.js").read_bytes()) == 5


def test_the_oldest_that_wait_make_room_for_others(patient: Served) -> None:
    with ExitStack() as open_ones:
        for _ in range(600):
            open_ones.enter_context(socket.create_connection(("127.0.0.1", patient.port), timeout=20)).sendall(b"G")
        assert patient.ask("/health/live")[0] == 200


def test_heads_come_in_pieces_and_together(patient: Served) -> None:
    asked = "GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n"
    with socket.create_connection(("127.0.0.1", patient.port), timeout=20) as raw:
        for piece in asked:
            raw.sendall(piece.encode())
        assert raw.recv(65536).startswith(b"HTTP/1.1 200")
        closing = asked.replace("Host", "Connection: close\r\nHost")
        raw.sendall(f"\r\n{asked}{asked}{closing}".encode())
        assert b"".join(iter(lambda: raw.recv(65536), b"")).count(b"HTTP/1.1 200") == 3


def test_a_token_may_be_as_long_as_is_said(patient: Served) -> None:
    pad = 16_384 - len(token(roles=["lead"], wholesalers=["*"], programs=["*"], pad="")) - 100
    long = token(roles=["lead"], wholesalers=["*"], programs=["*"], pad="x" * (pad * 3 // 4))
    assert 16_000 < len(long) <= 16_384
    assert patient.ask("/v1/reasons", Authorization=f"Bearer {long}")[0] == 200
    head = "GET /v1/reasons HTTP/1.1\r\nHost: here\r\nConnection: close\r\nAuthorization: Bearer "
    refused(patient.say(f"{head}{'x' * 16_384}\r\n\r\n".encode()), "token-refused", 401)


def test_an_export_needs_an_answer_that_has_an_end(patient: Served) -> None:
    asked = f"GET /v1/exports/alerts HTTP/1.0\r\n{lead()}\r\n"
    refused(patient.say(asked.encode()), "http-version", 505)
    found = patient.say(asked.replace("HTTP/1.0", "HTTP/1.1\r\nHost: here\r\nConnection: close").encode())
    assert found.startswith(b"HTTP/1.1 200")
    assert found.endswith(b"\r\n0\r\n\r\n")

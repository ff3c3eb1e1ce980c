"""``gatekeeper serve`` as a program: it answers over a real socket, says nothing of what it was sent, and ends when it is told to."""

import json
import signal
import socket
from contextlib import ExitStack

from gatekeeper.storage.engine import transaction
from tests.api.desk import token
from tests.cli.served import Served, served
from tests.gate.conftest import ledger, template
from tests.gate.ledger import Ledger
from tests.real.waiting import wait_until

__all__ = ["ledger", "served", "template"]
PATIENT = "P-00001234"


def test_it_answers_and_ends(served: Served) -> None:
    bearer = {"Authorization": f"Bearer {token(roles=['lead'], wholesalers=['*'], programs=['*'])}"}
    status, body, headers = served.ask("/v1/reasons", **bearer)
    assert (status, headers["Server"], headers["X-Content-Type-Options"]) == (200, "gatekeeper", "nosniff")
    assert json.loads(body)["reasons"]
    assert served.ask(f"/v1/sites?program=lemtrada&identifier={PATIENT}", **bearer)[0] == 200
    assert served.ask(f"/{PATIENT}")[0] == 404
    assert json.loads(served.ask("/health/ready")[1]) == {"ready": True, "lists": True}
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        raw.sendall(f"GET /{PATIENT} HTTP/9.9\r\n{PATIENT}\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 505")
    served.running.send_signal(signal.SIGTERM)
    assert served.running.wait(30) == 0
    log = served.log.read_text()
    assert [json.loads(line)["event"] for line in log.splitlines()][:1] == ["http_served"]
    assert PATIENT not in log


SENDING = "POST /v1/rehearsals HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nAuthorization: Bearer {}\r\n"
SLOW = {
    "a body": f"{SENDING}Content-Length: 5000\r\n\r\n{PATIENT}",
    "a body in pieces": f"{SENDING}Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
    "a body that is no such": f"{SENDING}Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n",
    "headers": f"GET /{PATIENT} HTTP/1.1\r\nHost: he",
    "nothing": "",
}


def test_slow_clients_hold_no_thread(served: Served) -> None:
    """More of them than there are threads, each of which goes on with a byte now and then."""
    bearer = token(roles=["lead"], wholesalers=["*"], programs=["*"])
    with ExitStack() as open_ones:
        slow = {}
        for name in (*SLOW, *[f"nothing {number}" for number in range(20)]):
            slow[name] = open_ones.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=30))
            slow[name].sendall(SLOW.get(name, "").format(bearer).encode())
        ended: dict[str, bytes] = {}

        def goes_on() -> bool:
            for name in SLOW.keys() - ended.keys() - {"nothing"}:
                try:
                    slow[name].sendall(b"a")
                    slow[name].settimeout(0.05)
                    ended[name] = slow[name].recv(100)
                except TimeoutError:
                    continue
                except OSError:
                    ended[name] = b""
            return len(ended) == len(SLOW) - 1

        wait_until(goes_on, 30, "slow clients are cut off")
        assert served.ask("/health/live")[0] == 200
    assert ended["headers"].startswith(b"HTTP/1.1 408")
    assert {answer[:12] for name, answer in ended.items() if name != "headers"} <= {b"HTTP/1.1 400", b"HTTP/1.1 408"}
    assert served.ask("/v1/reasons", Authorization=f"Bearer {bearer}")[0] == 200
    assert PATIENT not in served.log.read_text()


def test_whoever_waits_for_the_next_record_is_answered_when_it_ends(served: Served) -> None:
    bearer = token(roles=["lead"], wholesalers=["*"], programs=["*"])
    with socket.create_connection(("127.0.0.1", served.port), timeout=15) as raw:
        path = "/v1/distribution-records?program=lemtrada&wait=20"
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {bearer}\r\n\r\n".encode())
        served.ask("/health/live")
        served.running.send_signal(signal.SIGTERM)
        assert raw.recv(100).startswith(b"HTTP/1.1 200")
    assert served.running.wait(30) == 0


def test_it_says_that_a_fault_has_ended_what_keeps_its_lists(served: Served, ledger: Ledger) -> None:
    """It answers all else; the fault is on its log, and in what is measured."""
    with transaction(ledger.engine) as cursor:
        cursor.execute("ALTER TABLE moving_listed_sites_up_to RENAME TO elsewhere")
    wait_until(lambda: json.loads(served.ask("/health/ready")[1]) == {"ready": True, "lists": False}, 20, "the lists are not followed")
    bearer = {"Authorization": f"Bearer {token(roles=['operator'], wholesalers=['*'], programs=['*'])}"}
    assert b"\ngatekeeper_lists_followed 0.0\n" in served.ask("/metrics", **bearer)[1]
    assert '"command": "listing"' in served.log.read_text() or '"command":"listing"' in served.log.read_text()

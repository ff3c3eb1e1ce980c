"""How long an answer waits for its client, over real sockets."""

import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from gatekeeper import sending
from gatekeeper.sending import MOST_KEPT, Sending

LONG = bytes(MOST_KEPT * 4)
Pair = tuple[Sending, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The server's side, and a client who takes what he likes; little is kept in between."""
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with Sending(ours) as made, theirs:
        yield made, theirs


def test_what_is_kept_holds_no_thread(pair: Pair) -> None:
    made, theirs = pair
    made.sendall(LONG[:MOST_KEPT])
    assert made.waits
    taken = 0
    while made.waits:
        taken += len(theirs.recv(65536))
        made.push()
    made.close()
    assert taken + sum(map(len, iter(lambda: theirs.recv(65536), b""))) == MOST_KEPT


def test_a_longer_answer_comes_whole_and_in_order(pair: Pair) -> None:
    made, theirs = pair
    pieces = [bytes([number % 256]) * 50_000 for number in range(200)]
    found: list[bytes] = []
    reading = Thread(target=lambda: found.extend(iter(lambda: theirs.recv(65536), b"")))
    reading.start()
    for piece in pieces:
        made.sendall(piece)
    while made.waits:
        made.push()
    made.close()
    reading.join()
    assert b"".join(found) == b"".join(pieces)


def test_who_takes_nothing_is_cut_off(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "IDLE_S", 0.05)
    with pytest.raises(TimeoutError):
        pair[0].sendall(LONG)
    assert not pair[0].waits


def test_who_always_takes_too_little_is_cut_off(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """He never takes nothing for long."""
    made, theirs = pair
    for name, value in {"IDLE_S": 60, "PATIENCE_S": 0.05, "LEAST_RATE": 2**40}.items():
        monkeypatch.setattr(sending, name, value)
    Thread(target=lambda: [theirs.recv(1024) for _ in range(2)], daemon=True).start()
    with pytest.raises(TimeoutError):
        made.sendall(LONG)


def test_patience_grows_with_what_was_taken_and_has_an_end(pair: Pair) -> None:
    made, theirs = pair
    assert made.patience_s == sending.IDLE_S
    made.waited(sending.PATIENCE_S)
    assert made.patience_s == 0
    made.sendall(LONG[:MOST_KEPT])
    while made.waits:
        theirs.recv(65536)
        made.push()
    assert made.patience_s == sending.IDLE_S
    made.waited(sending.LONGEST_S)
    assert made.patience_s < 0
    made.begin()
    assert made.patience_s == sending.IDLE_S

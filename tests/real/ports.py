"""Ports for servers that must be found at the same place after a restart."""

import random
import socket

# Below the ports that the system hands to outgoing connections: none of those can take a server's port while it is down,
# and no client that tries again and again can connect to itself.
FIRST, LAST = 15_000, 31_999


def free_ports(count: int) -> list[int]:
    """So many different ports of 127.0.0.1 on which nobody listens."""
    chosen: list[int] = []
    candidates = iter(random.SystemRandom().sample(range(FIRST, LAST + 1), 2_000))
    while len(chosen) < count:
        port = next(candidates)
        if not listens(port):
            chosen.append(port)
    return chosen


def listens(port: int) -> bool:
    """Whether something accepts connections at this port of 127.0.0.1."""
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0

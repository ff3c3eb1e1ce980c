"""Waiting for something that can only be asked, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def wait_until(question: Callable[[], Answer], seconds: float, what: str) -> Answer:
    """The first true answer to a question that is asked again and again; TimeoutError, naming what was waited for, if none comes."""
    deadline = time.monotonic() + seconds
    while True:
        if answer := question():
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.02)

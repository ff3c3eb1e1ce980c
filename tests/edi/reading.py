"""What the independent parser reads in a file, and what it finds wrong with it."""

import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.real.broker import java, libraries

HERE = Path(__file__).parent


class Parsed(NamedTuple):
    segments: list[list[str]]
    """Each with its name and its elements."""
    problems: list[str]

    def named(self, name: str) -> list[list[str]]:
        return [segment for segment in self.segments if segment[0] == name]


def parsed(path: Path) -> Parsed:
    """Everything: envelope, counters and control numbers by the parser's own control schema, the rest by that of our 867."""
    done = subprocess.run(
        [java(), "-cp", f"{_jars()}/*", str(HERE / "ReadX12.java"), str(path), str(HERE / "867.xml")],
        capture_output=True, text=True, check=False, encoding="utf-8",
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the parser failed; it needs a Java with its compiler (a JDK): {done.stderr}")
    lines = done.stdout.split("\n")[:-1]
    return Parsed([line.split("\x1f") for line in lines if not line.startswith("!")], [line for line in lines if line.startswith("!")])


@cache
def _jars() -> Path:
    return libraries(HERE / "pom.xml")

"""The product as its command runs it, in process: a registry file, orders in a stream, one answer a message."""

import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gatekeeper.domain.program import Program
from gatekeeper.judging.deciding import answers, load
from gatekeeper.judging.known import Known
from gatekeeper.programs import load_programs
from gatekeeper.registry.snapshot import open_snapshot
from gatekeeper.translate import fact_of
from schemas.fact import Heartbeat
from tests.oracle.history import LineAnswer
from tests.oracle.registry import Program as OracleProgram


class Pieces(io.RawIOBase):
    """A stream that gives at most so many bytes at a time."""

    def __init__(self, held: bytes, at_most: int) -> None:
        self._held, self._at_most = io.BytesIO(held), at_most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = self._held.read(min(len(buffer), self._at_most))
        buffer[: len(read)] = read
        return len(read)


@dataclass(frozen=True)
class Answer:
    """What the product printed for a message."""

    refused: dict[str, list[str]] | None
    repeat: bool
    lines: list[LineAnswer]
    programs: list[str | None]


def registry_bytes(facts: list[dict[str, Any]]) -> bytes:
    """A snapshot file; a header that leads the facts gets their number and digest."""
    header, body = (facts[:1], facts[1:]) if facts and "snapshot" in facts[0] else ([], facts)
    told = b"".join(json.dumps(fact).encode() + b"\n" for fact in body)
    filled = [member | {"facts": len(body), "sha256": hashlib.sha256(told).hexdigest()} for member in header]
    return b"".join(json.dumps(member).encode() + b"\n" for member in filled) + told


def programs_like(program: OracleProgram) -> tuple[Program, ...]:
    """The built-in rules, with the packages that the oracle's program has."""
    (built_in,) = load_programs(None)
    (package,) = built_in.packages
    packages = tuple(package._replace(ndc=row.ndc.replace("-", ""), gtin=row.gtin) for row in program.rows)
    return (built_in._replace(packages=packages),)


def known_of(folder: Path, facts: list[dict[str, Any]], at: datetime, program: OracleProgram) -> Known:
    """What a registry file with these facts says."""
    path = folder / "facts.ndjson"
    path.write_bytes(registry_bytes(facts))
    return load(path, programs_like(program), at)


def ask(known: Known, messages: Iterable[bytes], at: datetime, program: OracleProgram, at_most: int = 65_536) -> list[Answer]:
    """The answers to messages, read in pieces of at most so many bytes."""
    stream = io.BufferedReader(Pieces(b"".join(message + b"\n" for message in messages), at_most), buffer_size=max(at_most, 1))
    return [answer_of(json.loads(printed)) for printed in answers(stream, "orders", known, programs_like(program), at)]


def answer_of(printed: dict[str, Any]) -> Answer:
    """What is compared of an answer; a code in brackets does not stop."""
    if "refused" in printed:
        return Answer(printed["refused"]["problems"], repeat=False, lines=[], programs=[])
    lines = [
        LineAnswer(line["outcome"], [r["code"] if r["stops"] else f"({r['code']})" for r in line["reasons"]], line["site_id"])
        for line in printed["lines"]
    ]
    return Answer(None, repeat=printed.get("repeat", False), lines=lines, programs=[line["program"] for line in printed["lines"]])


def learn(folder: Path, known: Known, facts: list[dict[str, Any]], at: datetime) -> None:
    """Facts more are known."""
    path = folder / "more.ndjson"
    path.write_bytes(registry_bytes(facts))
    with open_snapshot(path, at) as (_, told):
        for fact in told:
            if not isinstance(fact, Heartbeat):
                known.tell(fact_of(fact))

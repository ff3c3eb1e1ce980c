"""Several processes at once on one ledger: limits, serials and sequences hold, whatever is rolled back."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from gatekeeper.audit import Walked, walk
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.gate.ledger import Ledger, Wire, authorization, order
from tests.gate.test_answers import MIXED
from tests.gate.test_revisions import STOPPED

MANY: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
ROOT = Path(__file__).parents[2]


def judged_at_once(ledger: Ledger, folder: Path, streams: Iterable[tuple[int, int, list[bytes]]], *, spoiled: int = 0) -> None:
    """Each stream (partition, size of a batch, messages) has a process of its own; they begin together."""
    judges = []
    for number, (partition, batch, messages) in enumerate(streams):
        path = folder / f"messages-{number}"
        path.write_bytes(msgspec.msgpack.encode(messages))
        words = [sys.executable, "-m", "tests.gate.judging", ledger.url, str(partition), str(batch), str(spoiled), str(path)]
        judges.append(subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    for judge in judges:
        assert judge.stdout is not None
        assert judge.stdout.readline() == b"ready\n"
    for judge in judges:
        assert judge.stdin is not None
        judge.stdin.write(b"go\n")
        judge.stdin.flush()
    for judge in judges:
        judge.communicate(timeout=120)
    assert [judge.returncode for judge in judges] == [0] * len(judges)


@pytest.fixture
def loaded(ledger: Ledger) -> Ledger:
    ledger.set_clock(None)
    with transaction(ledger.engine) as cursor:
        ledger.load(authorization("AU-MANY", 10_000), as_of=cursor.execute("SELECT now()").fetchone()[0])  # type: ignore[index]
    return ledger


def test_what_one_alone_may_have_one_has(loaded: Ledger, tmp_path: Path) -> None:
    """Ten processes, ten partitions. Ten orders on an authorization with room for one: one is released, nine find it exhausted. Ten
    orders with units enough but the same serials: they leave with one. Ten times the same message: one answer, nine repeats."""
    serials: Wire = MANY | {"/lines/0/serials": list("ABCDE")}
    streams = [[order(f"L-{number}"), order(f"S-{number}", serials), order("R", MANY)] for number in range(10)]
    judged_at_once(loaded, tmp_path, [(partition, 1, messages) for partition, messages in enumerate(streams)])

    examined = {row[2]: row for row in loaded.rows(tables.EXAMINATION)}
    for first, code in (("L", b"authorization_exhausted"), ("S", b"serial_already_shipped")):
        rows = [row for name, row in examined.items() if name[0] == first]
        assert (len(rows), sum(row[10] is not None for row in rows)) == (10, 1)
        assert sum(b'"code":"%s"' % code in (row[11] or b"") for row in rows) == 9
    assert len(examined) == 21
    assert sorted(row[3] for row in loaded.rows(tables.ARRIVAL)) == ["order"] * 21 + ["repeat"] * 9
    assert {row[0]: row[2] for row in loaded.rows(tables.UNITS)} == {"AU-1": 5, "AU-MANY": 10}
    assert len({row[2] for row in loaded.rows(tables.SERIAL)}) == 1


def test_sequences_have_no_gaps_whatever_is_rolled_back(loaded: Ledger, tmp_path: Path) -> None:
    """Four processes, every third transaction rolled back after it was judged: 1, 2, 3 … without a gap, each message once."""
    shapes: list[Wire] = [MANY, MANY | MIXED, STOPPED]
    streams = [(stream, 2, [order(f"SO-{stream}-{n}", shapes[n % 3]) for n in range(20)]) for stream in range(4)]
    judged_at_once(loaded, tmp_path, streams, spoiled=3)

    assert sorted(row[2] for row in loaded.rows(tables.DISTRIBUTION_RECORD)) == list(range(1, 4 * 14 + 1))
    assert loaded.rows(tables.RECORD_COUNT) == [("lemtrada", 56)]
    assert [row[1:3] for row in loaded.rows(tables.ARRIVAL)] == [(stream, offset) for stream in range(4) for offset in range(20)]
    assert [row[0] for row in loaded.rows(tables.EXAMINATION)] == list(range(1, 81))
    with transaction(loaded.engine) as cursor:
        assert isinstance(walk(cursor.connection), Walked)


def test_the_same_partition_judged_by_two_processes_is_judged_once(loaded: Ledger, tmp_path: Path) -> None:
    """A consumer that lost its partition and does not know it yet judges what another judges too: each message has one answer."""
    messages = [order(f"SO-{number}", MANY) for number in range(20)]
    judged_at_once(loaded, tmp_path, [(0, 2, messages), (0, 3, messages)], spoiled=4)

    assert [row[3] for row in loaded.rows(tables.ARRIVAL)] == ["order"] * 20
    assert sorted(row[2] for row in loaded.rows(tables.DISTRIBUTION_RECORD)) == list(range(1, 21))

"""Files are written once and for all: contiguous, numbered, the same bytes again, and whole whatever was killed."""

import hashlib
import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from gatekeeper.errors import Halt, Unusable
from gatekeeper.feeds.layout import Layout
from gatekeeper.feeds.writing import Written, write, write_again
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.feed.made import layout
from tests.feed.rems import Rems
from tests.gate.ledger import NOON, Ledger, authorization

ZONE = "America/New_York"
ROOT = Path(__file__).parents[2]
TODAY = NOON.date()


def written(ledger: Ledger, folder: Path, of: Layout, through: date) -> list[Written]:
    return list(write(ledger.engine, folder, of, ZONE, through))


def ranges(files: list[Written]) -> list[tuple[int, int, int, str]]:
    return [(each.file.number, each.file.first, each.file.last, each.what) for each in files]


def later(rems: Rems, days: int, records: int) -> None:
    """So many records on the day after so many."""
    at = NOON + timedelta(days=days)
    rems.ledger.set_clock(at)
    rems.ledger.load(authorization("AU-MANY", 1_000_000), as_of=at)
    assert len(rems.records(records, {"/ship_on": at.date().isoformat()})) == records


def lines(path: Path) -> list[int]:
    """The sequences of the records in a file of JSON lines."""
    return [json.loads(line)["sequence"] for line in path.read_bytes().splitlines()[1:-1]]


def test_a_file_each_time(rems: Rems, tmp_path: Path) -> None:
    """All that is in none yet; the same again is there, byte for byte; nothing new makes no file."""
    of = layout("json_lines")
    rems.records(3)
    [first] = written(rems.ledger, tmp_path, of, TODAY)
    assert (first.path.name, first.what, lines(first.path)) == ("lemtrada-000001.jsonl", "made", [1, 2, 3])
    bytes_before = first.path.read_bytes()
    assert hashlib.sha256(bytes_before).digest() == first.file.sha256
    assert ranges(written(rems.ledger, tmp_path, of, TODAY)) == [(1, 1, 3, "there")]
    rems.records(2)
    assert ranges(written(rems.ledger, tmp_path, of, TODAY)) == [(1, 1, 3, "there"), (2, 4, 5, "made")]
    first.path.unlink()
    (tmp_path / "lemtrada-000002.jsonl").write_bytes(b"altered")
    assert ranges(written(rems.ledger, tmp_path, of, TODAY)) == [(1, 1, 3, "made again"), (2, 4, 5, "made again")]
    assert first.path.read_bytes() == bytes_before
    assert lines(tmp_path / "lemtrada-000002.jsonl") == [4, 5]
    assert sorted(path.name for path in tmp_path.glob("lemtrada*")) == ["lemtrada-000001.jsonl", "lemtrada-000002.jsonl"]
    assert [path for path in tmp_path.iterdir() if path.suffix == ".part"] == []
    assert (first.path.stat().st_mode & 0o777) & 0o007 == 0, "patients are in it"


def test_a_file_a_day(rems: Rems, tmp_path: Path) -> None:
    """Of each day that is over, where it has records, by the program's zone; the day itself is not over."""
    rems.records(2)
    later(rems, 1, 3)
    later(rems, 3, 1)
    of = layout("csv")
    with pytest.raises(Unusable, match="2026-11-23 is not over yet where lemtrada is"):
        written(rems.ledger, tmp_path, of, TODAY + timedelta(days=3))
    assert ranges(written(rems.ledger, tmp_path, of, TODAY)) == [(1, 1, 2, "made")]
    assert ranges(written(rems.ledger, tmp_path, of, TODAY + timedelta(days=2))) == [(2, 3, 5, "made")]
    assert ranges(written(rems.ledger, tmp_path, of, TODAY + timedelta(days=2))) == []
    rems.ledger.set_clock(NOON + timedelta(days=4))
    assert ranges(written(rems.ledger, tmp_path, of, TODAY + timedelta(days=3))) == [(3, 6, 6, "made")]
    assert ranges(written(rems.ledger, tmp_path, of, TODAY)) == [(1, 1, 2, "there")]


def test_a_file_a_month(rems: Rems, tmp_path: Path) -> None:
    """Of each month that is over, and none of a part of it."""
    rems.records(2)
    later(rems, 12, 2)
    of = layout("json_columns")
    assert ranges(written(rems.ledger, tmp_path, of, date(2026, 11, 29))) == []
    assert ranges(written(rems.ledger, tmp_path, of, date(2026, 12, 1))) == [(1, 1, 2, "made")]
    rems.ledger.set_clock(NOON + timedelta(days=60))
    assert ranges(written(rems.ledger, tmp_path, of, date(2026, 12, 31))) == [(2, 3, 4, "made")]


def test_a_file_made_again_keeps_its_layout(rems: Rems, tmp_path: Path) -> None:
    """Another layout is for new files; a file that a program would make otherwise now is not made at all."""
    rems.records(2)
    [first] = written(rems.ledger, tmp_path, layout("json_lines"), TODAY)
    bytes_before = first.path.read_bytes()
    rems.records(1)
    assert ranges(written(rems.ledger, tmp_path, layout("json_columns")._replace(cadence="each"), TODAY))[1:] == [(2, 3, 3, "made")]
    first.path.unlink()
    assert write_again(rems.ledger.engine, tmp_path / "other", "lemtrada", 1).path.read_bytes() == bytes_before
    with pytest.raises(Unusable, match="There is no file 3 of lemtrada"):
        write_again(rems.ledger.engine, tmp_path, "lemtrada", 3)
    with transaction(rems.ledger.engine) as cursor:
        cursor.execute("ALTER TABLE distribution_record DISABLE TRIGGER only_added")
        cursor.execute("UPDATE distribution_record SET body = replace(convert_from(body, 'UTF8'), 'HF1', 'HF2')::bytea WHERE sequence = 1")
    with pytest.raises(Halt, match="cannot be made again as it was"):
        write_again(rems.ledger.engine, tmp_path, "lemtrada", 1)
    assert not first.path.exists()


def test_a_record_that_is_missing_halts(rems: Rems, tmp_path: Path) -> None:
    rems.records(4)
    with transaction(rems.ledger.engine) as cursor:
        cursor.execute("ALTER TABLE distribution_record DISABLE TRIGGER only_added")
        cursor.execute("DELETE FROM distribution_record WHERE sequence = 3")
    with pytest.raises(Halt, match="gatekeeper verify"):
        written(rems.ledger, tmp_path, layout("json_lines"), TODAY)
    assert list(tmp_path.glob("*lemtrada-*")) == []
    assert rems.ledger.rows(tables.FEED_FILE) == []


def test_a_record_that_cannot_be_written_makes_no_file(rems: Rems, tmp_path: Path) -> None:
    """One sentence, nothing is promised; by another layout it is written."""
    of = layout("x12")._replace(cadence="each")
    rems.records(1)
    rems.records(1, {"/lines/0/lot": "A|1"})
    with pytest.raises(Unusable, match="The lot of record 2 holds a delimiter"):
        written(rems.ledger, tmp_path, of, TODAY)
    assert list(tmp_path.glob("*lemtrada-*")) == []
    assert rems.ledger.rows(tables.FEED_FILE) == []
    assert ranges(written(rems.ledger, tmp_path, layout("json_lines"), TODAY)) == [(1, 1, 2, "made")]


def test_a_folder_that_cannot_be_written(rems: Rems, tmp_path: Path) -> None:
    rems.records(1)
    (tmp_path / "file").write_text("")
    with pytest.raises(Unusable, match="cannot be made"):
        written(rems.ledger, tmp_path / "file", layout("json_lines"), TODAY)


def test_killed_at_every_step_each_file_is_whole_in_the_end(rems: Rems, tmp_path: Path) -> None:
    """Each life writes one record more than the one before, dies one step later, and the next makes whole what it began."""
    step, ended, seen = 0, False, dict[str, bytes]()
    environment = os.environ | {
        "GATEKEEPER_DATABASE_URL": rems.ledger.url,
        "GATEKEEPER_FEED_LAYOUTS": str(ROOT / "tests" / "feed" / "layouts" / "json_lines"),
        "GATEKEEPER_FEED_FOLDER": str(tmp_path),
    }
    command = [sys.executable, "-W", "ignore", "-m", "tests.feed.dying_writer"]
    while not ended:
        rems.records(1)
        step += 1
        words = [str(step), "feed", "write", "--program", "lemtrada", "--through", TODAY.isoformat()]
        done = subprocess.run([*command, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode in (-9, 0), done.stderr
        ended = done.returncode == 0
        for path in tmp_path.glob("lemtrada-*"):
            assert seen.setdefault(path.name, path.read_bytes()) == path.read_bytes(), "a file that had its name became another"
    assert step > 12, "it died at fewer steps than there are"
    rows = rems.ledger.rows(tables.FEED_FILE)
    assert [row[2] for row in rows] == [1, *(row[3] + 1 for row in rows[:-1])]
    assert rows[-1][3] == len(rems.ledger.rows(tables.DISTRIBUTION_RECORD))
    assert {row[:2] for row in rems.ledger.rows(tables.FEED_FILE_WRITTEN)} == {row[:2] for row in rows}
    in_files = [sequence for row in rows for sequence in lines(tmp_path / f"lemtrada-{row[1]:06}.jsonl")]
    assert in_files == list(range(1, rows[-1][3] + 1))
    for row in rows:
        assert hashlib.sha256((tmp_path / f"lemtrada-{row[1]:06}.jsonl").read_bytes()).digest() == row[9]
    assert len(list(tmp_path.glob("*lemtrada-*"))) == len(rows), "nothing that was begun is left"

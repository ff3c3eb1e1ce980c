"""``gatekeeper demo`` as a process: what it shows of each message, the summary, a clean end, and what it refuses to touch."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any, NamedTuple

import psutil
import pytest

from gatekeeper.domain.reasons import REASONS
from tests.demo.expected import EXPECTED, RECORDS, Expected
from tests.demo.test_sample import as_expected
from tests.real.ports import free_ports, listens

PAGE = Path(__file__).parents[2] / "docs" / "http.md"
GATEKEEPER = Path(sys.executable).with_name("gatekeeper")
DEADLINE_S = 120
HEAD = re.compile(r"( \d|\d\d)  (\S*) +(released|held|blocked|not covered|in parts|repeat|refused)  +(\S.*)\Z")
CHAPTER = "The records' way to the REMS"
PIECE = re.compile(r"( \d)  (REMS|warehouse|desk|all books) +(\w+)  +(\S.*)\Z")
SENTENCES = {text.sentence: code for code, text in REASONS.items()}
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Shown(NamedTuple):
    """A message as the plain lines show it."""

    order_id: str
    outcome: str
    details: list[tuple[str, str]]


def environment(home: Path, **more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GATEKEEPER_")} | {"GATEKEEPER_HOME": str(home)} | more


def demo(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [GATEKEEPER, "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False, env=environment(home, **more))


def left_running(home: Path) -> list[int]:
    """Every process that has the folder in its command line."""
    return [process.pid for process in psutil.process_iter(["cmdline"]) if str(home) in " ".join(process.info["cmdline"] or ())]


def rows(text: str) -> list[Shown]:
    """What is shown of messages."""
    return _rows(text.partition(CHAPTER)[0], HEAD)


def pieces(text: str) -> list[Shown]:
    """What is shown of records: who, the answer, and what is told."""
    return _rows(text.partition(CHAPTER)[2], PIECE)


def _rows(text: str, head: re.Pattern[str]) -> list[Shown]:
    shown: list[Shown] = []
    for line in text.splitlines():
        if found := head.match(line):
            shown.append(Shown(found[2], found[3], []))
        elif shown and line.startswith("    "):
            label, told = line[4:].split("  ", 1)
            shown[-1].details.append((label, told.strip()))
    return shown


def lines_of(shown: Shown) -> tuple[tuple[str, tuple[str, ...]], ...]:
    lines: list[tuple[str, list[str]]] = [] if any(label == "line 1" for label, _ in shown.details) else [(shown.outcome, [])]
    for label, text in shown.details:
        if label.startswith("line "):
            lines.append((text, []))
        elif label == "why":
            lines[-1][1].append(SENTENCES[text])
    return tuple((outcome, tuple(reasons)) for outcome, reasons in lines)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def done(home: Path) -> subprocess.CompletedProcess[str]:
    return demo(home, "--once")


def test_it_ends_by_itself_and_leaves_nothing_running(home: Path, done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stderr) == (0, "")
    assert left_running(home) == []


def test_it_says_that_the_broker_is_a_mock(done: subprocess.CompletedProcess[str]) -> None:
    assert "- Kafka: the client library's mock cluster (not for exactly-once)" in done.stdout.splitlines()


@pytest.mark.parametrize(("number", "expected"), list(enumerate(EXPECTED)), ids=[f"{n}-{e.order_id}" for n, e in enumerate(EXPECTED, 1)])
def test_every_message_is_answered_as_its_story_says(number: int, expected: Expected, done: subprocess.CompletedProcess[str]) -> None:
    shown = rows(done.stdout)
    assert len(shown) == len(EXPECTED)
    one = shown[number]
    assert (one.order_id, one.outcome) == (expected.order_id, expected.outcome)
    assert expected.outcome in ("refused", "repeat") or lines_of(one) == expected.lines
    assert expected.seen in "\n".join(text for _, text in one.details)
    assert [label for label, _ in one.details].count("clears") == sum(len(reasons) for _, reasons in expected.lines)


def test_the_records_go_to_the_rems_and_all_books_agree(done: subprocess.CompletedProcess[str]) -> None:
    shown = pieces(done.stdout)
    assert [(who, outcome) for who, outcome, _ in shown] == [(who, outcome) for who, outcome, _ in RECORDS]
    for (*_, seen), row in zip(RECORDS, shown, strict=True):
        assert seen in "\n".join(text for _, text in row.details)
    told = dict(shown[-1].details)
    assert "differs" not in told
    assert told["accepted"].startswith("8; 1 was rejected")
    assert told["their list"] == "9 records, 1 to 9, none missing"
    assert told["vials"] == "15 stand in the books of the REMS, 1 of them came back"


def test_the_summary_counts_what_was_shown(done: subprocess.CompletedProcess[str]) -> None:
    outcomes = [outcome for expected in EXPECTED for outcome, _ in expected.lines]
    told = dict(re.findall(r"^([A-Z][a-z ]+): +(.*)$", done.stdout, re.MULTILINE))
    held, blocked = outcomes.count("held"), outcomes.count("blocked")
    assert told["Messages"] == str(len(EXPECTED))
    assert told["Released"] == f"{outcomes.count('released')} lines"
    assert told["Stopped"] == f"{held + blocked} lines: {held} held, {blocked} blocked"
    assert told["Not covered"] == f"{outcomes.count('not covered')} lines"
    assert told["Withdrawn"] == "1 line"
    assert told["Refused"] == "2 that could not be read"
    assert told["Repeats"] == "1, answered as before"
    assert told["Records"] == f"{outcomes.count('released') + 1}: {outcomes.count('released')} original, 1 void"
    assert told["Alerts"] == "2"


def test_piped_lines_are_plain(done: subprocess.CompletedProcess[str]) -> None:
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout


def test_the_same_files_give_the_same_answers_without_kafka(home: Path, done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0
    files = home / "demo"
    decide = [GATEKEEPER, "decide", "--registry", files / "registry.ndjson", files / "orders.ndjson"]
    assert "gatekeeper decide --registry" in done.stdout
    answers = subprocess.run(decide, capture_output=True, timeout=DEADLINE_S, check=True, env=environment(home)).stdout.splitlines()
    assert [answer for expected, answer in zip(EXPECTED, answers, strict=True) if not as_expected(expected, json.loads(answer))] == []


@contextmanager
def staying(home: Path, **more: str) -> Iterator[subprocess.Popen[str]]:
    """The demonstration without --once; after a deadline, and at the end if it is still there, it is killed."""
    with subprocess.Popen(
        [GATEKEEPER, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(home, **more)
    ) as process:
        deadline = Timer(DEADLINE_S, process.kill)
        deadline.start()
        try:
            yield process
        finally:
            deadline.cancel()
            process.kill()


def free_pair() -> int:
    """A port that is free, and so is the next."""
    return next(port for port in iter(lambda: free_ports(1)[0], None) if not listens(port + 1))


def tasks(home: Path, port: int) -> list[Any]:
    """What is answered to the commands of the page, the five tasks and one more, each typed from its login on."""
    page = PAGE.read_text(encoding="utf-8").partition("## Five tasks")[2]
    lines = [line.strip() for line in page.splitlines() if line.startswith(("    export", "    TOKEN=", "    curl", "    sed"))]
    given = {"API": f"http://127.0.0.1:{port}", "ISSUER": f"http://127.0.0.1:{port + 1}", "SENT": str(home / "demo" / "orders.ndjson")}
    export, *typed = lines
    assert re.findall(r"(\w+)=", export) == list(given)
    assert [line.startswith("TOKEN=") for line in typed] == [True, False] * 6
    answers = []
    for login, command in zip(typed[::2], typed[1::2], strict=True):
        script = f"set -e -o pipefail; {login}\n{command}"
        run = subprocess.run(
            ["bash", "-c", script], env=environment(home, **given), capture_output=True, text=True, timeout=60, check=False
        )
        assert run.returncode == 0, (login, command, run.stderr)
        answers.append(json.loads(run.stdout))
    return answers


def as_the_page_says(waiting: Any, stopped: Any, site: Any, ahead: Any, feed: Any, near: Any) -> None:
    assert len(waiting["orders"]) == 10
    assert {order["wholesaler_id"] for order in waiting["orders"]} == {"WD-001"}
    assert [reason["code"] for reason in stopped["examinations"][0]["lines"][0]["reasons"]] == ["site_suspended"]
    assert site["holds"][0]["status"] == "suspended"
    assert [reason["code"] for reason in ahead["orders"][0]["lines"][0]["reasons"]] == ["site_suspended"]
    assert ahead["patients"] == "not_told"
    assert feed["records"][0]["patient_id"].startswith("P-")
    assert (feed["patients"], feed["after"]) == ("shown", feed["last"])
    assert [(site["site_id"], site["miles"]) for site in near["sites"]] == [("HF-0001", 0.0)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_stays_until_it_is_told_to_stop(number: signal.Signals, home: Path, done: subprocess.CompletedProcess[str]) -> None:
    """Also: a second start is a fresh world, in which the first order is new; and beside one that runs there is no other. Meanwhile the
    API answers: what docs/http.md says to type is typed.
    """
    assert done.returncode == 0
    port = free_pair()
    with staying(home, GATEKEEPER_HTTP_PORT=str(port)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                running = left_running(home)
                again = demo(home, "--once")
                answers = tasks(home, port)
                process.send_signal(number)
        assert (process.wait(DEADLINE_S), process.stderr.read()) == (0, "")
    assert running
    as_the_page_says(*answers)
    assert [row.outcome for row in rows("".join(lines))] == [expected.outcome for expected in EXPECTED]
    assert (again.returncode, again.stderr.startswith("Another demonstration runs")) == (2, True)
    assert left_running(home) == []


def in_a_terminal(home: Path, columns: int, **more: str) -> tuple[int, str]:
    """The exit status, and all that was written to a terminal of that width."""
    ours, theirs = pty.openpty()
    more = {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "24"} | more
    with subprocess.Popen(
        [GATEKEEPER, "demo", "--once"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(home, **more)
    ) as process:
        os.close(theirs)
        written = b""
        while piece := _read(ours):
            written += piece
        status = process.wait(DEADLINE_S)
    os.close(ours)
    return status, written.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other side is closed
        return b""


def test_a_terminal_of_80_columns_shows_it_all(tmp_path: Path) -> None:
    status, written = in_a_terminal(tmp_path, 80)
    assert status == 0, written[-600:]
    assert COLOUR.search(written)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written).splitlines()
    paths = [line for line in shown if "gatekeeper decide" in line]
    assert [line for line in shown if len(line.strip("\r")) > 80 and line not in paths] == []
    for expected in EXPECTED:
        assert any(expected.order_id in line and expected.outcome in line for line in shown)
    for who, outcome, _ in RECORDS:
        assert any(who in line and outcome in line for line in shown)
    assert left_running(tmp_path) == []


def test_no_color_is_respected(tmp_path: Path) -> None:
    status, written = in_a_terminal(tmp_path, 100, NO_COLOR="1")
    colours = {int(code) for found in COLOUR.findall(written) for code in found[2:-1].split(";") if code}
    assert status == 0, written[-600:]
    assert {code for code in colours if 30 <= code < 50 or 90 <= code < 110} == set()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GATEKEEPER_DATABASE_URL", "postgresql://me:secret@db.example/ledger"),
        ("GATEKEEPER_KAFKA_BOOTSTRAP_SERVERS", "broker.example:9092"),
    ],
)
def test_beside_a_real_database_or_broker_it_does_not_start(variable: str, value: str, tmp_path: Path) -> None:
    refused = demo(tmp_path, "--once", **{variable: value})
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"{variable} is set")
    assert refused.stderr.count("\n") == 1
    assert value not in refused.stderr
    assert list(tmp_path.iterdir()) == []

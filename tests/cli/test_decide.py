"""``gatekeeper decide`` as a process: files, streams, exit status, and one plain sentence where something cannot be used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.labelled import Document, cases, difference, messages, registry_file

AT = ("--at", "2026-11-20T15:00:00Z")
SHOWN = (
    "site-facility",
    "order-contradicts",
    "mode-discretion",
    "refused-every-problem",
    "file-standard-input",
    "file-blank-lines",
    "file-now",
)
CASES = {case["id"]: (book, case) for book, case in cases()}


def run(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [Path(sys.executable).with_name("gatekeeper"), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=120, check=False, env={**os.environ, **environment})


def files(folder: Path, name: str) -> tuple[Path, Path]:
    book, case = CASES[name]
    registry, orders = folder / "facts.ndjson", folder / "orders.ndjson"
    registry.write_bytes(registry_file(book, case))
    orders.write_bytes(b"".join(message + b"\n" for message in messages(book, case)))
    return registry, orders


def sentence_of(done: subprocess.CompletedProcess[bytes]) -> str:
    assert (done.returncode, done.stdout) == (2, b"")
    (line,) = done.stderr.decode().splitlines()
    return line


@pytest.mark.parametrize("name", SHOWN)
def test_case(name: str, tmp_path: Path) -> None:
    case: Document = CASES[name][1]
    registry, orders = files(tmp_path, name)
    at = () if case["at"] == "now" else ("--at", case["at"])
    if case.get("stdin"):
        done = run("decide", "--registry", registry, *at, stdin=orders.read_bytes())
    else:
        done = run("decide", "--registry", registry, *at, orders)
    assert (done.returncode, done.stderr) == (0, b"")
    expected = [entry for entry in case["expect"] if entry is not None]
    answered = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answered) == len(expected)
    assert [found for found in map(difference, expected, answered) if found] == []


def test_an_answer_has_every_word_a_person_needs(tmp_path: Path) -> None:
    registry, orders = files(tmp_path, "site-suspended")
    (answer,) = [json.loads(line) for line in run("decide", "--registry", registry, *AT, orders).stdout.splitlines()]
    assert answer == {
        "order_id": "SO-1",
        "revision": 1,
        "lines": [
            {
                "line": 1,
                "outcome": "blocked",
                "program": "lemtrada",
                "site_id": "HF3",
                "reasons": [
                    {
                        "code": "site_suspended",
                        "outcome": "blocked",
                        "stops": True,
                        "text": "The site's certification is suspended.",
                        "remedy": "The REMS must lift the suspension.",
                        "evidence": {"status": "suspended", "effective_on": "2026-02-01", "fact_sequence": 5},
                    }
                ],
            }
        ],
    }


def test_a_last_line_without_newline_and_no_orders_at_all(tmp_path: Path) -> None:
    registry, orders = files(tmp_path, "site-facility")
    assert run("decide", "--registry", registry, *AT, stdin=orders.read_bytes().rstrip()).stdout.count(b"\n") == 1
    assert run("decide", "--registry", registry, *AT, stdin=b"").stdout == b""


def test_an_endless_line_is_one_refusal(tmp_path: Path) -> None:
    registry, orders = files(tmp_path, "site-facility")
    done = run("decide", "--registry", registry, *AT, stdin=b"x" * 5_000_000 + b"\n" + orders.read_bytes())
    first, second = [json.loads(line) for line in done.stdout.splitlines()]
    assert (first["refused"]["position"], list(first["refused"]["problems"])) == (1, [""])
    assert second["lines"][0]["outcome"] == "released"


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    registry, orders = files(tmp_path, "site-facility")
    missing = tmp_path / "missing"
    assert sentence_of(run("decide", "--registry", missing, orders)) == f"{missing} cannot be read: No such file or directory."
    assert sentence_of(run("decide", "--registry", registry, missing)) == f"{missing} cannot be read: No such file or directory."
    assert sentence_of(run("decide", "--registry", tmp_path, orders)) == f"{tmp_path} cannot be read: Is a directory."
    assert sentence_of(run("decide", "--registry", registry, tmp_path)) == f"{tmp_path} cannot be read: Is a directory."
    assert "line 1, cannot be read" in sentence_of(run("decide", "--registry", sys.executable, orders))


def test_wrong_use(tmp_path: Path) -> None:
    registry, orders = files(tmp_path, "site-facility")
    assert "--registry" in sentence_of(run("decide"))
    assert "--colour" in sentence_of(run("decide", "--colour", "blue"))
    assert "--at must be an instant" in sentence_of(run("decide", "--registry", registry, "--at", "2026-11-20", orders))
    assert "--at must be an instant" in sentence_of(run("decide", "--registry", registry, "--at", "2026-02-30T00:00:00Z", orders))


def test_without_a_command_those_that_there_are_are_listed() -> None:
    for words in ((), ("consume",)):
        done = run(*words)
        assert (done.returncode, done.stdout) == (2, b"")
        first, *_, last = done.stderr.decode().splitlines()
        assert first.startswith("Usage: gatekeeper")
        assert last.startswith("  ")


def test_program_rules_from_a_folder(tmp_path: Path) -> None:
    registry, orders = files(tmp_path, "site-facility")
    rules = tmp_path / "rules"
    rules.mkdir()
    assert "holds no .toml file" in sentence_of(run("decide", "--registry", registry, orders, GATEKEEPER_PROGRAMS=str(rules)))
    built_in = Path(__file__).parents[2] / "gatekeeper" / "programs" / "lemtrada.toml"
    text = built_in.read_text(encoding="utf-8")
    (rules / "mine.toml").write_text(text.replace('"healthcare_facility"]', '"inpatient_pharmacy"]'), encoding="utf-8")
    done = run("decide", "--registry", registry, *AT, orders, GATEKEEPER_PROGRAMS=str(rules))
    assert [reason["code"] for reason in json.loads(done.stdout)["lines"][0]["reasons"]] == ["recipient_class_not_allowed"]


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    registry, orders = files(tmp_path, "site-facility")
    gatekeeper = Path(sys.executable).with_name("gatekeeper")
    decide = ("decide", "--registry", registry, *AT, orders)
    typed: list[tuple[str | Path, ...]] = [decide, ("--help",), ("registry", "import", "--help"), ("doctor",)]
    for words in typed:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run([gatekeeper, *words], stdout=full, stderr=subprocess.PIPE, timeout=120, check=False)
        assert (done.returncode, done.stderr) == (2, b"Standard output cannot be written: No space left on device.\n"), words


def test_streams_that_are_closed(tmp_path: Path) -> None:
    registry, orders = files(tmp_path, "site-facility")
    decide = f"{Path(sys.executable).with_name('gatekeeper')} decide --registry {registry} {' '.join(AT)}"
    for line, sentence in (
        (f"{decide} {orders} >&-", b"Standard output is closed.\n"),
        (f"{decide} <&-", b"Standard input is closed: name a file of orders.\n"),
    ):
        done = subprocess.run(["/bin/sh", "-c", line], stderr=subprocess.PIPE, timeout=120, check=False)
        assert (done.returncode, done.stderr) == (2, sentence)


def test_a_reader_that_leaves_is_told_nothing(tmp_path: Path) -> None:
    registry, orders = files(tmp_path, "site-facility")
    orders.write_bytes(orders.read_bytes() * 5000)
    command = [Path(sys.executable).with_name("gatekeeper"), "decide", "--registry", registry, *AT, orders]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(120) == 1


def test_it_loads_neither_the_slow_libraries_nor_other_commands(tmp_path: Path) -> None:
    registry, orders = files(tmp_path, "site-facility")
    code = (
        "import sys; from gatekeeper.cli import main; main.main(sys.argv[1:], standalone_mode=False); "
        "slow = ('marshmallow', 'sqlalchemy', 'confluent_kafka', 'consumers', 'importlib.metadata'); "
        "print([name for name in slow if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "decide", "--registry", registry, *AT, orders], capture_output=True, timeout=120, check=True
    )
    assert done.stdout.splitlines()[-1] == b"[]"

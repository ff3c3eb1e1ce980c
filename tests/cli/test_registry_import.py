"""`gatekeeper registry import`, as a person types it."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Engine

from gatekeeper.cli import main
from gatekeeper.domain.facts import SiteFact
from gatekeeper.storage.engine import migrate, open_engine, transaction
from gatekeeper.storage.lookups import ask
from tests.real.ports import free_ports
from tests.storage.snapshots import patient, rows, site, snapshot

# ruff: noqa: E501 - a line of CSV is a line

CSV = """site_id,class,status,sequence,effective_on,certified_on,name,address.street,address.city,address.state,address.postal_code,identifiers.npi
HF-1,pharmacy,certified,1,2025-01-01,2025-01-01,"Main Street, Boston",100 Main St,Boston,MA,02110,1234567893|1043218118
HF-2,pharmacy,suspended,2,2025-01-01,,,,,,,
"""


@pytest.fixture
def engine(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("GATEKEEPER_DATABASE_URL", database_url)
    engine = open_engine(database_url)
    migrate(engine)
    yield engine
    engine.dispose()


class Said(NamedTuple):
    status: object
    out: str
    err: str


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs the command; anything but an exit status passes through."""

    def run(*words: object) -> Said:
        with pytest.raises(SystemExit) as ended:
            main(["registry", "import", *map(str, words)])
        return Said(ended.value.code, *capsys.readouterr())

    return run


def csv_options(path: Path, **changed: str) -> list[str]:
    said = {
        "program": "lemtrada", "sequence": "5", "as-of": "2025-06-01T12:00:00Z", "facts": "2", "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    } | changed  # fmt: skip
    return [word for name, value in said.items() for word in (f"--{name}", value)]


@pytest.mark.usefixtures("engine")
def test_it_tells_what_was_loaded(typed: Callable[..., Said], tmp_path: Path) -> None:
    typed(snapshot(tmp_path / "1", [site(1), site(2, sequence=2)], sequence=10))
    said = typed(snapshot(tmp_path / "2", [site(1), site(3, "suspended", sequence=3)], sequence=11))

    refused = (
        "1 of the 2 sites that are certified would vanish or lose certification, more than 10 percent: "
        "import it with a token (GATEKEEPER_TOKEN), so that another person can confirm it."
    )
    assert (said.status, said.err) == (2, f"{tmp_path / '2'}: {refused}\n")

    said = typed(snapshot(tmp_path / "3", [site(1), site(2, sequence=2), site(3, "suspended", sequence=3)], sequence=11))

    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines() == [
        "The registry has version 2: lemtrada, sequence 11, as of 2025-06-01T12:00:00Z.",
        "Facts: 3 in the file, 1 new, 0 gone, 0 back again.",
        "Certified sites: 2 before, 2 now.",
    ]


def test_csv_of_sites(engine: Engine, typed: Callable[..., Said], tmp_path: Path) -> None:
    path = tmp_path / "sites.csv"
    path.write_text(CSV)
    typed(snapshot(tmp_path / "1", [patient("P-1")], sequence=4))

    assert typed(path, *csv_options(path)).status == 0

    with transaction(engine) as cursor:
        said = ask(cursor, [("site", "HF-1"), ("patient", "lemtrada", "P-1"), ("identifier", "npi", "1043218118")])
    (found,) = said["site", "HF-1"].answer
    assert isinstance(found, SiteFact)
    assert (found.name, found.identifiers) == ("Main Street, Boston", (("npi", ("1234567893", "1043218118")),))
    assert said["identifier", "npi", "1043218118"].answer == ("HF-1",)
    assert said["patient", "lemtrada", "P-1"].answer[0].until is None


@pytest.mark.parametrize(("changed", "sentence"), [
    ({"facts": "3"}, "the header tells of 3 facts, the file has 2."),
    ({"sha256": "0" * 64}, "the digest in the header is not that of the file."),
    ({"sequence": "1"}, "above the snapshot's"),
    ({"as-of": "yesterday"}, "--as-of: "),
    ({"as-of": "2199-01-01T00:00:00Z"}, "of the future"),
    ({"program": "two words"}, "--program: "),
    ({"sequence": "99999999999999999999999"}, "--sequence: "),
])  # fmt: skip
@pytest.mark.usefixtures("engine")
def test_what_the_options_of_a_csv_file_get_wrong(
    typed: Callable[..., Said], tmp_path: Path, changed: dict[str, str], sentence: str
) -> None:
    path = tmp_path / "sites.csv"
    path.write_text(CSV)

    said = typed(path, *csv_options(path, **changed))

    assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
    assert sentence in said.err


def test_options_belong_to_csv_and_csv_needs_them(typed: Callable[..., Said], tmp_path: Path) -> None:
    assert typed(tmp_path / "a.csv")[:2] == (2, "")
    assert typed(tmp_path / "a.ndjson", "--sequence", "1") == (
        2,
        "",
        "--sequence is for CSV files only: in another the header line says it.\n",
    )


@pytest.mark.parametrize("raw", [b"", b"\n", b"\xff\xfe", b"{" * 100_000, b'{"snapshot":1}\n', b'{"fact":"site"}\n', b"\0" * 3_000_000])
def test_any_bytes_end_with_one_sentence_and_an_alert(engine: Engine, typed: Callable[..., Said], tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(raw)

    said = typed(path)

    assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
    assert len(rows(engine, "alert")) == 1
    assert rows(engine, "registry_load") == []


@pytest.mark.usefixtures("engine")
def test_a_file_that_is_none(typed: Callable[..., Said], tmp_path: Path) -> None:
    assert [typed(path).status for path in (tmp_path, tmp_path / "missing")] == [2, 2]


def test_a_database_that_is_away_is_one_sentence(typed: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("GATEKEEPER_DATABASE_URL", f"postgresql://postgres@127.0.0.1:{port}/nowhere")

    said = typed(snapshot(tmp_path / "1", [], sequence=1))

    assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)


def test_a_marked_patient_is_in_no_word_that_is_said(engine: Engine, typed: Callable[..., Said], tmp_path: Path) -> None:
    for number, fact in enumerate((
        patient("MARKER") | {"MARKER": 1}, patient("MARKER") | {"status": "MARKER"}, patient("MARKER MARKER"), patient("MARKER") | {"sequence": 99},
        patient("MARKER") | {"program": "MARKER"}, patient("MARKER") | {"effective_on": "MARKER"},
    )):  # fmt: skip
        said = typed(snapshot(tmp_path / str(number), [fact], sequence=10, snapshot="MARKER" if number == 4 else "lemtrada", facts=number))

        assert said.status == 2
        assert "MARKER" not in said.out + said.err
    assert b"MARKER" not in b"".join(row[3] for row in rows(engine, "alert"))


@pytest.mark.usefixtures("engine")
def test_a_pipe_is_refused_before_anybody_waits_for_it(typed: Callable[..., Said], tmp_path: Path) -> None:
    pipe = tmp_path / "facts.ndjson"
    os.mkfifo(pipe)
    assert typed(pipe) == (2, "", f"{pipe} is a pipe or a device: a snapshot must be a file, for it is read more than once.\n")
    assert typed("/dev/zero").status == 2


@pytest.mark.usefixtures("engine")
def test_a_program_without_rules_is_said_to_have_none(typed: Callable[..., Said], tmp_path: Path) -> None:
    for program, lines in (("lemtrada", 3), ("lemtrda", 4)):
        path = snapshot(tmp_path / f"{program}.ndjson", [site(1, program=program)], sequence=1, snapshot=program)
        said = typed(path)
        assert (said.status, len(said.out.splitlines())) == (0, lines)
    assert said.out.splitlines()[-1].startswith("Heed: there are no rules of lemtrda here")

"""`gatekeeper registry diff` says what an import then does, and does nothing itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.sql import SQL, Identifier
from rich.console import Console
from sqlalchemy import Engine

from gatekeeper.commands.tables import show_table
from gatekeeper.storage import tables
from gatekeeper.storage.engine import migrate, open_engine, transaction
from tests.cli.conftest import Typing
from tests.cli.test_registry_import import CSV, csv_options
from tests.storage.snapshots import load, patient, recall, site, snapshot

OLD = [*[site(number, sequence=number) for number in range(1, 7)], patient("P-1", sequence=7), recall("B1", sequence=8)]
NEW = [
    *OLD[2:6], site(3, "suspended", sequence=13), site(4, sequence=14, name="Another"), site(7, "pending", sequence=15),
    site(8, sequence=16, effective_on="2030-01-01"), patient("P-2", sequence=17),
]  # fmt: skip

LOSS = "3 of the 6 sites that are certified would vanish or lose certification, more than 10 percent"


@pytest.fixture
def engine(database_url: str, tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(database_url)
    migrate(engine)
    load(engine, snapshot(tmp_path / "1", OLD, sequence=10))
    yield engine
    engine.dispose()


def everything(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with transaction(engine) as cursor:
        return {
            name: sorted(map(str, cursor.execute(SQL("SELECT * FROM {}").format(Identifier(name))).fetchall()))  # type: ignore[misc]
            for name in tables.METADATA.tables
        }


def test_it_says_what_the_import_then_does(engine: Engine, as_person: Typing, tmp_path: Path) -> None:
    before = everything(engine)
    path = snapshot(tmp_path / "2", NEW, sequence=20)

    said = as_person(None, "registry", "diff", path, "--first", "1")

    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines() == [
        "lemtrada: a snapshot with sequence 20, as of 2025-06-01T12:00:00Z, of 9 facts.",
        "program\twhat\tcount\tfirst",
        "lemtrada\tsites gained, pending\t1\tHF-7",
        "lemtrada\tsites certified as before, told otherwise\t1\tHF-4",
        "lemtrada\tsites certified -> suspended\t1\tHF-3",
        "lemtrada\tsites lost, certified\t2\tHF-1 …",
        "lemtrada\tpatient facts new\t1\t",
        "lemtrada\tpatient facts gone\t1\t",
        "lemtrada\tsite facts new\t4\t",
        "lemtrada\tsite facts gone\t2\t",
        "Certified sites: 6 before, 3 after; 3 would lose certification.",
        f"The import would be refused: {path}: {LOSS}: another person must confirm it.",
    ]
    assert everything(engine) == before

    loaded = load(engine, path)
    assert (loaded.difference, loaded.certified) == ((5, 3, 0), (6, 3, 3))
    assert as_person(None, "registry", "diff", snapshot(tmp_path / "3", NEW, sequence=21)).out.splitlines()[1:] == [
        "It would change nothing but how fresh the registry is.",
        "Certified sites: 3 before, 3 after; 0 would lose certification.",
        "It would be imported.",
    ]
    again = as_person(None, "registry", "diff", snapshot(tmp_path / "4", OLD, sequence=21)).out
    assert "lemtrada\tsites gained, certified\t2\tHF-1, HF-2\n" in again
    assert "lemtrada\tsites suspended -> certified\t1\tHF-3\n" in again
    assert "lemtrada\tsite facts back again\t2\t\n" in again


def test_a_file_that_would_be_refused_is_said_to_be(engine: Engine, as_person: Typing, tmp_path: Path) -> None:
    before = everything(engine)
    for path, sentence in (
        (snapshot(tmp_path / "2", NEW, sequence=10), "is not above 10"),
        (snapshot(tmp_path / "3", NEW, sequence=20, facts=8), "the header tells of 8 facts, the file has more"),
        (snapshot(tmp_path / "4", NEW, sequence=20, sha256="0" * 64), "the digest in the header"),
        (snapshot(tmp_path / "5", NEW, sequence=20, snapshot=None), "has no header line"),
    ):
        said = as_person(None, "registry", "diff", path)
        assert (said.status, said.err, said.out.count("\n")) == (0, "", 1)
        assert said.out.startswith(f"The import would be refused: {path}")
        assert sentence in said.out
    assert everything(engine) == before
    assert as_person(None, "registry", "diff", tmp_path / "missing").status == 2


@pytest.mark.usefixtures("engine")
def test_csv_is_compared_as_it_would_be_imported(as_person: Typing, tmp_path: Path) -> None:
    path = tmp_path / "sites.csv"
    path.write_text(CSV)
    said = as_person(None, "registry", "diff", path, *csv_options(path, sequence="20"))
    assert "lemtrada\tsites lost, certified\t4\tHF-3, HF-4, HF-5, HF-6\n" in said.out
    assert "patient" not in said.out


def test_on_a_terminal_a_table_is_drawn() -> None:
    console = Console(force_terminal=True, width=60, color_system=None)
    with console.capture() as captured:
        show_table(console, "Sites", ("what", "first"), [("sites lost", "[bold]HF-1")])
    assert "│ sites lost │ [bold]HF-1 │" in captured.get()

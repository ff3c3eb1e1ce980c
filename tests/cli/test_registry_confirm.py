"""`gatekeeper registry confirm`: a loss above the limit is loaded on the word of another person, once, and on record."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gatekeeper.audit import Walked, walk
from gatekeeper.storage.engine import migrate, open_engine, transaction
from tests.cli.conftest import Typing
from tests.cli.test_registry_import import CSV, csv_options
from tests.storage.snapshots import Wire, patient, registry, rows, site, snapshot

REASON = ("--reason", "Ms. Lee of the REMS said so by telephone.")
SITES = [site(number, sequence=number) for number in range(1, 10)]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def lost(engine: Engine, as_person: Typing, tmp_path: Path) -> str:  # noqa: ARG001 - migrated
    """The digest of a file that Ann imported and that loses 2 of 9 sites."""
    assert as_person(None, "registry", "import", snapshot(tmp_path / "1", SITES, sequence=10)).status == 0
    path = snapshot(tmp_path / "2", SITES[2:], sequence=11)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    said = as_person("ann", "registry", "import", path)
    problem = "2 of the 9 sites that are certified would vanish or lose certification, more than 10 percent"
    advice = f"another person must confirm it, by `gatekeeper registry confirm {digest} --reason …`."
    assert said == (2, "", f"{path}: {problem}: {advice}\n")
    path.unlink()
    return digest


def test_another_person_confirms_on_record(engine: Engine, as_person: Typing, lost: str) -> None:
    said = as_person("bob", "registry", "confirm", lost, *REASON)

    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines() == [
        "The registry has version 2: lemtrada, sequence 11, as of 2025-06-01T12:00:00Z.",
        "Facts: 7 in the file, 0 new, 2 gone, 0 back again.",
        "Certified sites: 9 before, 7 now.",
        "Confirmed, on record with the name of bob.",
    ]
    (confirmation,) = rows(engine, "file_confirmation")
    assert confirmation[:3] == (lost, "bob", REASON[1])
    assert confirmation[-1] == max(row[-1] for row in rows(engine, "registry_load"))
    with transaction(engine) as cursor:
        assert isinstance(walk(cursor.connection), Walked)


def test_who_imported_it_does_not_confirm_it_unless_another_imported_it_too(
    engine: Engine, as_person: Typing, lost: str, tmp_path: Path
) -> None:
    before = registry(engine)
    assert as_person("ann", "registry", "confirm", lost, *REASON) == (
        2, "", "You imported this file yourself: another person must confirm it.\n")  # fmt: skip
    assert as_person(None, "registry", "confirm", lost, *REASON).status == 2
    assert registry(engine) == before

    as_person("cem", "registry", "import", snapshot(tmp_path / "2", SITES[2:], sequence=11))
    assert as_person("ann", "registry", "confirm", lost, *REASON).status == 0


def test_a_file_is_confirmed_once(engine: Engine, as_person: Typing, lost: str) -> None:
    as_person("bob", "registry", "confirm", lost, *REASON)
    before = registry(engine)
    assert as_person("cem", "registry", "confirm", lost, *REASON) == (
        2, "", f"The file {lost} was confirmed already, by bob, and loaded then.\n")  # fmt: skip
    assert (registry(engine), len(rows(engine, "file_confirmation"))) == (before, 1)


def test_the_other_checks_are_made_again(engine: Engine, as_person: Typing, lost: str, tmp_path: Path) -> None:
    assert as_person(None, "registry", "import", snapshot(tmp_path / "3", SITES, sequence=11)).status == 0
    before = registry(engine)
    assert as_person("bob", "registry", "confirm", lost, *REASON) == (
        2, "", f"The file {lost}: the snapshot's sequence 11 is not above 11, that of the last one loaded.\n")  # fmt: skip
    assert (registry(engine), rows(engine, "file_confirmation")) == (before, [])


def test_after_another_snapshot_it_is_counted_and_asked_again(engine: Engine, as_person: Typing, tmp_path: Path) -> None:
    as_person(None, "registry", "import", snapshot(tmp_path / "1", SITES, sequence=10))
    path = snapshot(tmp_path / "2", SITES[2:], sequence=20)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    as_person("ann", "registry", "import", path)
    as_person(None, "registry", "import", snapshot(tmp_path / "3", [*SITES, site(10, sequence=11)], sequence=15))
    before = registry(engine)

    now, then = "3 of the 10 sites that are certified would vanish or lose certification by now", "2 of the 9 when it was refused"
    again = f"if these are lost too, confirm it again, by `gatekeeper registry confirm {digest} --reason …`."
    sentence = f"The file {digest}: the registry has changed since: {now}, {then}, HF-10 not among those: {again}"
    assert as_person("bob", "registry", "confirm", digest, *REASON) == (2, "", sentence + "\n")
    assert (registry(engine), rows(engine, "file_confirmation")) == (before, [])
    assert [(row[3], row[8]) for row in sorted(rows(engine, "refused_file"))][1:] == [(sentence, "ann")]
    assert sorted(row[:4] for row in rows(engine, "file_loss")) == [(1, 2, 9, 10), (2, 3, 10, 15)]

    assert (
        as_person("ann", "registry", "confirm", digest, *REASON).err == "You imported this file yourself: another person must confirm it.\n"
    )
    said = as_person("bob", "registry", "confirm", digest, *REASON)
    assert said.out.splitlines()[2] == "Certified sites: 10 before, 7 now."
    with transaction(engine) as cursor:
        assert isinstance(walk(cursor.connection), Walked)


@pytest.mark.parametrize(
    ("digest", "reason", "sentence"),
    [
        ("0" * 64, "x", "No refused file has this digest."),
        ("0" * 63, "x", "The digest must be the SHA-256 that the refusal named: 64 digits and small letters a to f."),
        ("0" * 64, " ", "The reason must be a text of 1 to 500 characters on one line."),
    ],
)
@pytest.mark.usefixtures("engine")
def test_what_cannot_be_confirmed_is_one_sentence(as_person: Typing, digest: str, reason: str, sentence: str) -> None:
    assert as_person("bob", "registry", "confirm", digest, "--reason", reason) == (2, "", sentence + "\n")


@pytest.mark.parametrize(("given", "person", "sentence"), [
    ([patient("P-1") | {"colour": "blue"}], "ann", "line 2, cannot be read: /colour"),
    (SITES[2:], None, "import it with a token (GATEKEEPER_TOKEN), so that another person can confirm it."),
])  # fmt: skip
@pytest.mark.usefixtures("engine")
def test_only_a_loss_that_somebody_answers_for_is_confirmed(
    as_person: Typing, tmp_path: Path, given: list[Wire], person: str | None, sentence: str
) -> None:
    as_person(None, "registry", "import", snapshot(tmp_path / "1", SITES, sequence=10))
    path = snapshot(tmp_path / "2", given, sequence=11)
    assert sentence in as_person(person, "registry", "import", path).err
    said = as_person("bob", "registry", "confirm", hashlib.sha256(path.read_bytes()).hexdigest(), *REASON)
    assert said.status == 2
    assert said.err.startswith("This file cannot be confirmed")
    assert sentence in said.err


def test_what_was_too_large_to_be_kept_is_not_confirmed(engine: Engine, as_person: Typing, tmp_path: Path) -> None:
    as_person(None, "registry", "import", snapshot(tmp_path / "1", SITES, sequence=10))
    path = snapshot(tmp_path / "2", SITES[2:] + [site(100 + number, "pending", name="x" * 190) for number in range(3000)], sequence=11)
    size = path.stat().st_size
    assert size > 1 << 20

    said = as_person("ann", "registry", "import", path, refused_file_mib="1")
    assert said.err.endswith("larger than the 1 MiB that are kept of a file (GATEKEEPER_REFUSED_FILE_MIB), so nobody can confirm it.\n")
    assert [row[4:9] for row in rows(engine, "refused_file")] == [(size, 1 << 20, None, False, "ann")]

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert as_person("ann", "registry", "import", path).err.endswith(f"`gatekeeper registry confirm {digest} --reason …`.\n")
    assert [(row[1], len(row[2])) for row in rows(engine, "file_piece")] == [(0, 1 << 20), (1, size - (1 << 20))]
    assert as_person("bob", "registry", "confirm", digest, *REASON).status == 0


def test_csv_is_confirmed_with_what_its_options_said(engine: Engine, as_person: Typing, tmp_path: Path) -> None:
    as_person(None, "registry", "import", snapshot(tmp_path / "1", [*SITES, patient("P-1", sequence=9)], sequence=10))
    path = tmp_path / "sites.csv"
    path.write_text(CSV)
    as_person("ann", "registry", "import", path, *csv_options(path, sequence="77"))

    said = as_person("bob", "registry", "confirm", hashlib.sha256(path.read_bytes()).hexdigest(), *REASON)

    assert said.out.startswith("The registry has version 2: lemtrada, sequence 77, as of 2025-06-01T12:00:00Z.")
    assert [row[7] for row in sorted(rows(engine, "registry_load"))][1] == ["site"]

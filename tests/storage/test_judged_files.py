"""What is kept of a refused file is what was judged, whoever puts another in its place meanwhile."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gatekeeper.errors import Unusable
from gatekeeper.refused_files import Offered
from gatekeeper.registry import Terms, import_file
from tests.storage.snapshots import PROGRAMS, Silent, load, rows, site, snapshot

SITES = [site(number, sequence=number) for number in range(1, 10)]
MANY = [site(100 + number, "pending", name="x" * 150) for number in range(2000)]
"""Some hundred thousand bytes: more than is read at once."""


class Meddler(Silent):
    """Does something to the file when a load has read it whole."""

    def __init__(self, meddle: Callable[[], object]) -> None:
        self._meddle = meddle

    def step(self, words: str) -> None:
        if words == "Comparing with what is held":
            self._meddle()


@pytest.fixture(autouse=True)
def nine(engine: Engine, tmp_path: Path) -> None:
    load(engine, snapshot(tmp_path / "1", SITES, sequence=10))


@pytest.fixture
def lossy(tmp_path: Path) -> Path:
    """A file that loses two of them."""
    return snapshot(tmp_path / "2", [*SITES[2:], *MANY], sequence=11)


def refused(engine: Engine, path: Path, meddle: Callable[[], object]) -> str:
    with pytest.raises(Unusable) as said:
        import_file(engine, path, Terms(PROGRAMS, 10), Meddler(meddle), Offered(person="ann"))
    return str(said.value)


def kept(engine: Engine) -> bytes:
    return b"".join(row[2] for row in sorted(rows(engine, "file_piece")))


def put_another_in_its_place(path: Path) -> None:
    snapshot(path.with_name("other"), SITES, sequence=12).rename(path)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more\n" * 10)


@pytest.mark.parametrize("meddle", [put_another_in_its_place, append, Path.unlink])
def test_exactly_what_was_judged_is_kept(engine: Engine, lossy: Path, meddle: Callable[[Path], None]) -> None:
    judged = lossy.read_bytes()
    said = refused(engine, lossy, lambda: meddle(lossy))
    digest = hashlib.sha256(judged).hexdigest()
    assert f"by `gatekeeper registry confirm {digest} --reason …`" in said
    assert kept(engine) == judged
    [row] = rows(engine, "refused_file")
    assert (row[1], row[4], row[5]) == (digest, len(judged), len(judged))


def test_a_file_that_is_overwritten_is_not_kept_as_another(engine: Engine, lossy: Path) -> None:
    """What was judged is nowhere any more, so nobody may confirm it."""

    def overwrite() -> None:
        with lossy.open("r+b") as file:
            file.seek(1000)
            file.write(b"!")

    said = refused(engine, lossy, overwrite)
    assert said == f"{lossy} was changed while it was read: import it again when nobody writes to it."
    assert (rows(engine, "refused_file"), kept(engine)) == ([], b"")


def test_a_file_that_was_cut_off_is_not_kept_as_another(engine: Engine, lossy: Path) -> None:
    said = refused(engine, lossy, lambda: lossy.write_bytes(lossy.read_bytes()[:1000]))
    assert said == f"{lossy} was changed while it was read: import it again when nobody writes to it."
    assert rows(engine, "refused_file") == []


def test_of_a_file_that_was_refused_at_its_beginning_the_rest_is_kept_too(engine: Engine, tmp_path: Path) -> None:
    path = snapshot(tmp_path / "2", [SITES[0] | {"colour": "blue"}, *MANY], sequence=11)
    assert "line 2, cannot be read: /colour" in refused(engine, path, lambda: None)
    assert kept(engine) == path.read_bytes()

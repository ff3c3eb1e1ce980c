"""What is kept of a refused file is what was judged, whoever puts another in its place meanwhile."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gatekeeper.errors import Unusable
from gatekeeper.registry import refused_files
from gatekeeper.registry.importing import Terms, import_file
from gatekeeper.registry.refused_files import PIECE, Offered
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.refused_files import pieces
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


CHANGED = "It was changed while it was read, so what is kept is what it is by now: import it again when nobody writes to it."


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"!")


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize("meddle", [overwrite, cut_off])
def test_a_file_that_is_written_over_is_refused_all_the_same_and_nobody_may_confirm_it(
    engine: Engine, lossy: Path, meddle: Callable[[Path], None]
) -> None:
    """What was judged is nowhere any more: that is told, with what was wrong with it, and kept is what stands there."""
    said = refused(engine, lossy, lambda: meddle(lossy))
    loss = f"{lossy}: 2 of the 9 sites that are certified would vanish or lose certification, more than 10 percent."
    assert said == f"{loss} {CHANGED}"
    now = lossy.read_bytes()
    assert kept(engine) == now
    [row] = rows(engine, "refused_file")
    assert (row[1], row[3], row[5], row[7]) == (
        hashlib.sha256(now).hexdigest(), said.replace(str(lossy), lossy.name), len(now), False)  # fmt: skip
    assert [row[1] for row in rows(engine, "alert")] == ["registry_refused"]


def test_of_a_file_above_the_limit_the_first_piece_is_kept(engine: Engine, tmp_path: Path) -> None:
    path = snapshot(tmp_path / "2", [*SITES, {"fact": "site"}, *MANY * 4], sequence=11)
    judged = path.read_bytes()
    with pytest.raises(Unusable, match="cannot be read"):
        load(engine, path, most_kept=1 << 20)
    assert len(judged) > PIECE
    assert kept(engine) == judged[:PIECE]
    [row] = rows(engine, "refused_file")
    assert (row[1], row[4], row[5]) == (hashlib.sha256(judged).hexdigest(), len(judged), PIECE)


def test_where_there_is_no_room_for_a_copy_it_is_told_why_it_was_refused(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk its beginning is kept, which needs none; a file that is no larger is kept whole by that."""
    monkeypatch.setattr(refused_files, "TemporaryFile", lambda **_: Path("/dev/full").open("r+b", buffering=0))  # noqa: SIM115
    small = snapshot(tmp_path / "3", SITES, sequence=11, sha256="0" * 64)
    large = snapshot(tmp_path / "4", [*SITES[2:], *MANY * 4], sequence=12)
    said = [refused(engine, path, lambda: None) for path in (small, large)]
    full = "Only its beginning is kept: No space left on device."
    assert said[0] == f"{small}: the digest in the header is not that of the file."
    assert said[1].endswith(f"percent: nobody can confirm it before it is imported again, and kept whole. {full}")
    assert [row[5] for row in sorted(rows(engine, "refused_file"))] == [small.stat().st_size, PIECE]
    assert len(rows(engine, "alert")) == 2
    monkeypatch.undo()
    assert "another person must confirm it" in refused(engine, large, lambda: None)
    with transaction(engine) as cursor:
        assert b"".join(pieces(cursor, hashlib.sha256(large.read_bytes()).hexdigest())) == large.read_bytes()


def test_where_no_file_can_be_made_at_all_it_is_told_too(engine: Engine, lossy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(**_: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(refused_files, "TemporaryFile", nowhere)
    assert "2 of the 9 sites" in refused(engine, lossy, lambda: None)
    assert len(rows(engine, "alert")) == 1


def test_of_a_file_that_was_refused_at_its_beginning_the_rest_is_kept_too(engine: Engine, tmp_path: Path) -> None:
    path = snapshot(tmp_path / "2", [SITES[0] | {"colour": "blue"}, *MANY], sequence=11)
    assert "line 2, cannot be read: /colour" in refused(engine, path, lambda: None)
    assert kept(engine) == path.read_bytes()

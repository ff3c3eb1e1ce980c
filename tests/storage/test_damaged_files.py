"""Damaged snapshot files: each gets one clear sentence, is kept, and leaves the registry as it was."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from gatekeeper.domain.identifiers import npi_is_valid
from gatekeeper.errors import Unusable
from gatekeeper.registry.importing import Loaded, Terms, import_file
from gatekeeper.registry.refused_files import Offered
from gatekeeper.storage.engine import migrate, open_engine
from schemas.fact import SnapshotHeader
from tests.real.database import Database
from tests.storage.snapshots import PROGRAMS, Silent, Wire, load, patient, registry, rows, site, snapshot

SITES = [site(number, sequence=number) for number in range(1, 4)]
COLUMNS = (
    "site_id,class,status,sequence,effective_on,certified_on,valid_through,name,authorized_representative,address.street,address.city,"
    "address.state,address.postal_code,identifiers.npi,identifiers.dea,identifiers.ncpdp_id,identifiers.gln"
)
ROW = (
    "HF-{0},pharmacy,certified,{0},2025-01-01,2024-12-01,2026-12-31,Café {0},J. Rivera,{0} Main St,Boston,MA,02110,{1},"
    "AP58367{0:02},37123{0:02},06141410000{0:02}"
)
NPIS = [str(number) for number in range(1234567000, 1234568000) if npi_is_valid(str(number))]
TABLE = [COLUMNS, *[ROW.format(number, NPIS[number]) for number in range(1, 21)]]


def load_csv(engine: Engine, path: Path, raw: bytes, *, sha256: str | None = None, sequence: int = 20, loss: int = 10) -> Loaded:
    path.write_bytes(raw)
    digest = hashlib.sha256(raw).hexdigest() if sha256 is None else sha256
    header = SnapshotHeader(snapshot="lemtrada", sequence=sequence, as_of="2025-06-01T12:00:00Z", facts=20, sha256=digest)
    return import_file(engine, path, Terms(PROGRAMS, loss), Silent(), Offered(header))


@pytest.fixture(scope="module")
def engine(postgres: Database) -> Iterator[Engine]:
    """One ledger for all: nothing of this file is ever loaded into it but the first snapshot."""
    url = postgres.fresh()
    engine = open_engine(url)
    migrate(engine)
    yield engine
    engine.dispose()
    postgres.drop(url)


@pytest.fixture(scope="module")
def before(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    load(engine, snapshot(tmp_path_factory.mktemp("first") / "1", [*SITES, patient("P-1", sequence=4)], sequence=10))
    return registry(engine)


def kept(engine: Engine, raw: bytes) -> bytes:
    """What is kept of the refused file with these bytes."""
    digest = hashlib.sha256(raw).hexdigest()
    return b"".join(row[2] for row in sorted(rows(engine, "file_piece")) if row[0] == digest)


def one_sentence(refused: pytest.ExceptionInfo[Unusable], path: Path) -> str:
    sentence = str(refused.value)
    assert sentence.startswith(str(path))
    assert "\n" not in sentence
    assert sentence.endswith((".", "…`."))
    return sentence


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_at_any_byte(engine: Engine, before: object, tmp_path: Path, cut: float) -> None:
    path = snapshot(tmp_path / "cut", [*SITES, patient("P-1", sequence=4)], sequence=20)
    raw = path.read_bytes()
    part = raw[: int(cut * len(raw))]
    path.write_bytes(part)

    with pytest.raises(Unusable) as refused:
        load(engine, path)

    one_sentence(refused, path)
    assert (registry(engine), kept(engine, part)) == (before, part)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_table_cut_at_any_byte(engine: Engine, before: object, tmp_path: Path, cut: float) -> None:
    raw = "\n".join([*TABLE, ""]).encode()
    part = raw[: int(cut * len(raw))]
    path = tmp_path / "cut.csv"

    with pytest.raises(Unusable) as refused:
        load_csv(engine, path, part, sha256=hashlib.sha256(raw).hexdigest())

    one_sentence(refused, path)
    assert (registry(engine), kept(engine, part)) == (before, part)


LIES: dict[str, tuple[list[Wire], dict[str, object], str]] = {
    "wrong digest": (SITES, {"sequence": 20, "sha256": "0" * 64}, "the digest in the header is not that of the file."),
    "wrong count, fewer": (SITES, {"sequence": 20, "facts": 4}, "the header tells of 4 facts, the file has 3."),
    "wrong count, more": (SITES, {"sequence": 20, "facts": 2}, "the header tells of 2 facts, the file has more."),
    "an older file again": (SITES, {"sequence": 9}, "the snapshot's sequence 9 is not above 10, that of the last one loaded."),
    "the same file again": (SITES, {"sequence": 10}, "the snapshot's sequence 10 is not above 10, that of the last one loaded."),
    "two lines that contradict": (
        [*SITES, site(1, "suspended", sequence=1)], {"sequence": 20},
        "line 5: an earlier fact of this subject, day and sequence says something else.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", LIES)
def test_what_a_file_says_wrong_of_itself(engine: Engine, before: object, tmp_path: Path, why: str) -> None:
    facts, header, sentence = LIES[why]
    path = snapshot(tmp_path / "lie", facts, **header)  # type: ignore[arg-type]

    with pytest.raises(Unusable) as refused:
        load(engine, path)

    assert one_sentence(refused, path).endswith(sentence)
    assert (registry(engine), kept(engine, path.read_bytes())) == (before, path.read_bytes())


def swapped(one: str, other: str) -> str:
    """The table with the heads of two columns changed for each other."""
    names = {one: other, other: one}
    return "\n".join([",".join(names.get(column, column) for column in COLUMNS.split(",")), *TABLE[1:]])


PLACES = ": columns changed places."
THE_STREET = "what stands in the column name looks like a street with its number, and what stands in address.street does not" + PLACES
TABLES: dict[str, tuple[bytes, str]] = {
    "class and status": (swapped("class", "status").encode(), "line 2, cannot be read: /class"),
    "id and name": (swapped("site_id", "name").encode(), "line 2, cannot be read: /site_id"),
    "both days of the certificate": (
        swapped("certified_on", "valid_through").encode(), "by valid_through and certified_on" + PLACES),
    "the day of the fact and the end of the certificate": (
        swapped("effective_on", "valid_through").encode(), "every valid_through is before its effective_on" + PLACES),
    "the day of the fact and that of the certificate": (
        swapped("effective_on", "certified_on").encode(), "no certified_on is before its effective_on, and most are after it" + PLACES),
    "name and street": (
        swapped("name", "address.street").encode(), THE_STREET),
    "city and state": (
        swapped("address.city", "address.state").encode(), "none of the 20 values of the column address.state look like a state" + PLACES),
    "two identifiers": (swapped("identifiers.npi", "identifiers.dea").encode(), "identifiers.dea look like a DEA number" + PLACES),
    "identifiers of digits": (swapped("identifiers.ncpdp_id", "identifiers.gln").encode(), "identifiers.gln look like a GLN" + PLACES),
    "ZIP code and city": (swapped("address.postal_code", "address.city").encode(), "address.postal_code look like a ZIP code" + PLACES),
    "Latin-1": ("\n".join(TABLE).encode("latin-1"), "line 2: this is not UTF-8."),
    "UTF-16": ("\n".join(TABLE).encode("utf-16"), "line 1: this is not UTF-8."),
    "a byte order mark": ("\n".join(TABLE).encode("utf-8-sig"), "line 1: the file begins with a byte order mark"),
    **{
        f"a formula that begins with {sign}": (
            "\n".join(TABLE).replace("Café 2,", f"{sign}HYPERLINK(A1),").encode(),
            f"line 3: column 8 is a formula, as its {sign} shows, and no fact about a site.",
        )
        for sign in "=+-@"
    },
}  # fmt: skip


@pytest.mark.parametrize("why", TABLES)
def test_what_happens_to_tables(engine: Engine, before: object, tmp_path: Path, why: str) -> None:
    raw, sentence = TABLES[why]
    path = tmp_path / "sites.csv"

    with pytest.raises(Unusable) as refused:
        load_csv(engine, path, raw)

    assert sentence in one_sentence(refused, path)
    assert (registry(engine), kept(engine, raw)) == (before, raw)
    (header,) = {row[6] for row in rows(engine, "refused_file") if row[1] == hashlib.sha256(raw).hexdigest()}
    assert msgspec.json.decode(header)["sequence"] == 20


def test_the_same_table_undamaged_would_be_loaded(postgres: Database, tmp_path: Path) -> None:
    url = postgres.fresh()
    engine = open_engine(url)
    migrate(engine)
    odd = ROW.format(20, "none").replace("2026-12-31", "2024-12-31")
    other = ",".join(reversed(COLUMNS.split(",")))
    turned = "\n".join([other, *[",".join(reversed(row.split(","))) for row in (*TABLE[1:-1], odd)]])
    try:
        assert load_csv(engine, tmp_path / "a.csv", "\n".join(TABLE).encode()).facts == 20
        assert load_csv(engine, tmp_path / "b.csv", turned.encode(), sequence=21, loss=34).difference == (1, 1, 0)
    finally:
        engine.dispose()
        postgres.drop(url)


def test_eleven_percent_of_the_certified_sites_are_too_many(postgres: Database, tmp_path: Path) -> None:
    url = postgres.fresh()
    engine = open_engine(url)
    migrate(engine)
    hundred = [site(number, sequence=number) for number in range(1, 101)]
    try:
        load(engine, snapshot(tmp_path / "1", hundred, sequence=100))
        before = registry(engine)
        path = snapshot(tmp_path / "2", hundred[11:], sequence=101)
        with pytest.raises(Unusable, match="11 of the 100 sites"):
            load(engine, path, loss_percent=10, person="ann")
        assert (registry(engine), kept(engine, path.read_bytes())) == (before, path.read_bytes())
        assert [row[7] for row in rows(engine, "refused_file")] == [True]
        assert load(engine, snapshot(tmp_path / "3", hundred[10:], sequence=101), loss_percent=10).certified.lost == 10
    finally:
        engine.dispose()
        postgres.drop(url)


COMMAND = """
import atexit, resource, sys
from gatekeeper.cli import main
atexit.register(lambda: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr))
main()
"""


def imported(url: str, path: Path) -> tuple[int, str, int]:
    """Status, sentence and peak memory (KiB) of an import in a program of its own."""
    command = [sys.executable, "-W", "ignore", "-c", COMMAND, "registry", "import", str(path)]
    done = subprocess.run(command, env=os.environ | {"GATEKEEPER_DATABASE_URL": url}, capture_output=True, text=True, check=False)
    *said, peak = done.stderr.splitlines()
    return done.returncode, "\n".join(said), int(peak)


def test_ten_gigabytes_of_one_line_take_no_more_memory_than_a_small_file(database_url: str, tmp_path: Path) -> None:
    engine = open_engine(database_url)
    migrate(engine)
    small = snapshot(tmp_path / "small", [{"fact": "site"}], sequence=20)
    large = snapshot(tmp_path / "large", [], sequence=20, facts=1)
    os.truncate(large, 10_000_000_000)

    status, said, peak = imported(database_url, small)
    assert (status, said.startswith(f"{small}, line 2, cannot be read:")) == (2, True)
    least = peak
    status, said, peak = imported(database_url, large)

    assert (status, said.startswith(f"{large}, line 2, cannot be read:"), said.count("\n")) == (2, True, 0)
    assert peak < least + 32_768
    assert [row[4:6] for row in sorted(rows(engine, "refused_file"))][1] == (10_000_000_000, 1 << 20)
    assert rows(engine, "registry_load") == []
    engine.dispose()

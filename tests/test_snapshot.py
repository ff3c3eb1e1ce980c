"""Snapshots from files: read one fact at a time, refused for what they must not say."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gatekeeper.errors import Unusable
from gatekeeper.registry.snapshot import open_snapshot, read_csv
from schemas.canonical import canonical
from schemas.fact import Fact, SnapshotHeader
from schemas.reading import read_fact
from tests.registry_files import PATIENT, SITE, header_of, snapshot_file

AT = datetime(2026, 11, 20, 15, tzinfo=UTC)


def facts_of(path: Path, at: datetime = AT) -> list[Fact]:
    with open_snapshot(path, at) as snapshot:
        return list(snapshot.facts)


def refused(path: Path, at: datetime = AT) -> str:
    with pytest.raises(Unusable) as caught:
        facts_of(path, at)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_facts_come_one_by_one(tmp_path: Path) -> None:
    path = snapshot_file(tmp_path, SITE, PATIENT)
    with open_snapshot(path, AT) as (header, facts):
        assert header is not None
        assert (header.snapshot, header.sequence, header.facts) == ("lemtrada", 9, 2)
        assert next(facts) == read_fact(json.dumps(SITE).encode())
        assert next(facts) == read_fact(json.dumps(PATIENT).encode())
        with pytest.raises(StopIteration):
            next(facts)


def test_without_a_header_no_line_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "facts.ndjson"
    path.write_text(json.dumps(SITE) + "\n \n" + json.dumps(PATIENT | {"program": "other"}), encoding="utf-8")
    with open_snapshot(path, AT) as snapshot:
        assert snapshot.header is None
        assert [fact.program for fact in snapshot.facts] == ["lemtrada", "other"]


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "facts.ndjson"
    path.write_bytes(b"")
    assert facts_of(path) == []
    assert facts_of(snapshot_file(tmp_path)) == []


def test_a_fact_may_hold_the_word_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "facts.ndjson"
    path.write_text(json.dumps(SITE | {"name": "snapshot"}), encoding="utf-8")
    assert len(facts_of(path)) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"facts": 1}, "the header tells of 1 facts, the file has more"),
        ({"facts": 3}, "the header tells of 3 facts, the file has 2"),
        ({"sha256": "0" * 64}, "the digest in the header is not that of the file"),
        ({"sequence": 1}, "line 3: the fact's sequence 2 is above the snapshot's, 1"),
        ({"snapshot": "other"}, "line 2: the fact is of another program"),
        ({"covers": ["site"]}, "line 3: the snapshot does not cover facts of this kind"),
        ({"as_of": "2026-11-20T15:05:00.000001Z"}, "of the future"),
        ({"colour": "blue"}, "line 1, cannot be read: /colour"),
        ({"sha256": "0"}, "line 1, cannot be read: /sha256"),
    ],
)
def test_what_a_header_must_not_say(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    assert sentence in refused(snapshot_file(tmp_path, SITE, PATIENT, **changes))


def test_what_a_header_may_say(tmp_path: Path) -> None:
    assert len(facts_of(snapshot_file(tmp_path, SITE, PATIENT, as_of="2026-11-20T15:05:00Z"))) == 2
    assert len(facts_of(snapshot_file(tmp_path, SITE, PATIENT, sequence=2))) == 2
    assert len(facts_of(snapshot_file(tmp_path, SITE, covers=["site", "patient"]))) == 1
    assert len(facts_of(snapshot_file(tmp_path, SITE), AT + timedelta(days=9000))) == 1


def test_a_fact_that_cannot_be_read_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "facts.ndjson"
    broken = json.dumps({**PATIENT, "patient_id": "SECRET PATIENT"})
    path.write_text(json.dumps(SITE) + "\n\n" + broken + "\n", encoding="utf-8")
    sentence = refused(path)
    assert "line 3, cannot be read: /patient_id" in sentence
    assert "SECRET" not in sentence


@pytest.mark.parametrize(
    "change",
    [
        {"status": "suspended"},
        {"name": "Another name"},
        {"authorized_representative": "K. Rivera"},
        {"identifiers": {"npi": ["1234567893"]}},
    ],
)
def test_two_facts_that_contradict(change: dict[str, Any], tmp_path: Path) -> None:
    assert "line 4: an earlier fact of this subject" in refused(snapshot_file(tmp_path, SITE, PATIENT, SITE | change))


@pytest.mark.parametrize(
    "change", [{}, {"site_id": "B", "name": "B"}, {"effective_on": "2026-01-02", "name": "B"}, {"sequence": 3, "name": "B"}]
)
def test_two_facts_that_do_not(change: dict[str, Any], tmp_path: Path) -> None:
    assert len(facts_of(snapshot_file(tmp_path, SITE, PATIENT, SITE | change))) == 3


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00", b"\x00" * 3_000_000, b"{", b"[" * 100_000, b"\xef\xbb\xbf{}", b'{"snapshot": 1}'])
def test_bytes_that_are_no_registry(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "facts.ndjson"
    path.write_bytes(raw)
    assert "line 1, cannot be read" in refused(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "missing")
    assert "cannot be read" in refused(tmp_path)


COLUMNS = (
    "sequence,effective_on,site_id,class,status,certified_on,address.street,address.street2,address.city,address.state,"
    "address.postal_code,identifiers.npi,identifiers.account,authorized_representative"
)
ROW = "1,2026-01-01,A,pharmacy,certified,2026-01-01,1 A St,Ste 2,Boston,MA,02110,1234567893|1245319599,WD-001:1,J. Rivera"


def csv_of(folder: Path, *rows: str, **changes: Any) -> tuple[Path, SnapshotHeader]:
    path = folder / "sites.csv"
    body = "".join(row + "\r\n" for row in rows).encode()
    path.write_bytes(body)
    return path, msgspec.convert(header_of(body, len(rows) - 1, **changes), SnapshotHeader)


def rows_of(path: Path, header: SnapshotHeader) -> list[Fact]:
    with path.open("rb") as file:
        return list(read_csv(file, path, header, AT).facts)


def test_a_row_says_what_a_fact_says(tmp_path: Path) -> None:
    (fact,) = rows_of(*csv_of(tmp_path, COLUMNS, ROW))
    assert canonical(fact) == canonical(read_fact(json.dumps(SITE).encode()))  # type: ignore[type-var]


def test_an_empty_cell_is_not_given(tmp_path: Path) -> None:
    (fact,) = rows_of(*csv_of(tmp_path, COLUMNS, ROW.replace("WD-001:1,J. Rivera", ",").replace("1234567893|1245319599", "")))
    assert b"authorized_representative" not in canonical(fact)


@pytest.mark.parametrize(
    ("rows", "changes", "sentence"),
    [
        ((COLUMNS + ",colour", ROW + ",blue"), {}, "column 15"),
        ((COLUMNS + ",site_id", ROW + ",A"), {}, "a column stands twice"),
        (("sequence,Jane Doe," + COLUMNS.partition(",")[2], ROW), {}, "column 2 is not a member of a site fact"),
        ((COLUMNS, ROW + ",more"), {}, "line 2: the row has 15 columns, not 14"),
        ((COLUMNS, ROW.replace("certified,", "certain,")), {}, "line 2, cannot be read: /status"),
        ((COLUMNS, "x" + ROW), {}, "line 2, cannot be read: /sequence"),
        ((COLUMNS, '"' + ROW), {}, "this is not CSV"),
        ((COLUMNS, ROW, ROW.replace("J.", "K.")), {}, "line 3: an earlier fact"),
        ((COLUMNS, ROW), {"facts": 2}, "the header tells of 2 facts"),
        ((COLUMNS, ROW), {"sha256": "0" * 64}, "the digest"),
        ((COLUMNS, ROW), {"sequence": 0}, "sequence 1 is above"),
        ((COLUMNS, ROW), {"as_of": "2027-01-01T00:00:00Z"}, "of the future"),
        ((COLUMNS + ",program", ROW + ",other"), {}, "another program"),
    ],
)
def test_rows_that_are_refused(rows: tuple[str, ...], changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    path, header = csv_of(tmp_path, *rows)
    with pytest.raises(Unusable, match=sentence):
        rows_of(path, msgspec.structs.replace(header, **changes))


def test_csv_that_is_not_utf_8(tmp_path: Path) -> None:
    path, header = csv_of(tmp_path, COLUMNS, ROW)
    path.write_bytes(path.read_bytes().replace(b"Boston", b"B\xf6ston"))
    with pytest.raises(Unusable, match="line 2: this is not UTF-8"):
        rows_of(path, header)


def test_a_file_of_a_registry_holds_no_site_alias(tmp_path: Path) -> None:
    """It is the wholesaler's own fact, approved here."""
    alias = {"fact": "site_alias", "program": "lemtrada", "sequence": 3, "effective_on": "2026-01-01", "site_id": "A", "account": "777"}
    assert ", line 3, cannot be read: /fact: " in refused(snapshot_file(tmp_path, SITE, alias))


def test_a_row_that_never_ends_is_cut_off(tmp_path: Path) -> None:
    path, header = csv_of(tmp_path, COLUMNS, '"' + '\n","' * 1_000_000)
    with pytest.raises(Unusable, match="the row is longer than 1048576 bytes"):
        rows_of(path, header)

"""The simulated REMS itself: it counts what comes, reads files with its own eyes, and says what it has to say as badly as a REMS may."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from consumers.demo.rems import Rems
from gatekeeper.feeds import read_layouts
from gatekeeper.feeds.layout import Layout
from gatekeeper.feeds.receipts import receipts
from schemas.acknowledgement import Acknowledgement
from schemas.canonical import canonical
from schemas.reading import read_acknowledgement
from schemas.record import DistributionRecord
from tests.feed.made import layout, record, records, whole

AT = "2026-11-21T04:12:09Z"
DEFAULT = read_layouts()["lemtrada", "daily"]


def taking(*made: DistributionRecord, rems: Rems | None = None) -> Rems:
    rems = rems or Rems("lemtrada")
    for each in made:
        rems.take(canonical(each), AT)
    return rems


def said(rems: Rems) -> list[tuple[str, str]]:
    messages = [read_acknowledgement(raw) for raw in rems.say()]
    assert all(isinstance(message, Acknowledgement) for message in messages)
    return [(message.record_id, message.status) for message in messages if isinstance(message, Acknowledgement)]


def test_gaps_and_repeats_are_named() -> None:
    rems = taking(*(record(number) for number in (9, 2, 3, 3, 6, 9, 9)))
    assert (rems.gaps, rems.repeats) == ([(1, 1), (4, 5), (7, 8)], {3: 1, 9: 2})
    assert (taking().gaps, taking().repeats) == ([], {})


def test_what_it_loses_is_a_gap_until_it_comes_again() -> None:
    rems = taking(*(record(number) for number in (1, 2, 3)), rems=Rems("lemtrada", loses=[2]))
    assert (rems.gaps, len(said(rems))) == ([(2, 2)], 2)
    taking(record(2), rems=rems)
    assert (rems.gaps, rems.repeats, said(rems)) == ([], {}, [(record(2).record_id, "accepted")])


def test_books_are_of_what_stands() -> None:
    """Voided and corrected records stand no more; returns stand apart, and whose serials they were does not change."""
    first, second = record(1), record(2, quantity=3, serials=("T1", "T2", "T3"))
    correction = record(3, kind="correction", replaces=first.record_id, quantity=4, serials=("S1", "S2", "S3", "S4"))
    void, back = record(4, kind="void", replaces=second.record_id), record(5, kind="return", replaces=correction.record_id, quantity=2)
    wrong = record(6, kind="return", replaces=correction.record_id, quantity=1)
    not_back = record(7, kind="void", replaces=wrong.record_id, quantity=1)
    books = taking(not_back, wrong, back, void, correction, second, first).books
    assert (list(books.live), books.vials, list(books.returned), books.vials_returned) == ([correction.record_id], 4, [back.record_id], 2)
    assert {serial for _, serial in books.serials} == {"S1", "S2", "S3", "S4"}
    with pytest.raises(ValueError, match="two live records"):
        _ = taking(first, correction, record(6)).books.serials
    rems = taking(first, wrong, rems=Rems("lemtrada", lambda one: "Not so." if one.kind == "return" else None))
    assert rems.uncorrected == [6]
    assert taking(not_back, rems=rems).uncorrected == []


def test_a_rejected_record_waits_for_its_correction() -> None:
    rems = taking(record(1), record(2), rems=Rems("lemtrada", lambda one: "Not known." if one.sequence == 2 else None))
    assert said(rems) == [(record(1).record_id, "accepted"), (record(2).record_id, "rejected")]
    assert rems.uncorrected == [2]
    taking(record(3, kind="correction", replaces=record(2).record_id), rems=rems)
    assert rems.uncorrected == []


@pytest.mark.parametrize(
    "second",
    [record(2, lot="B2"), record(2, record_id="0c1ff5ad-6f0d-5f19-9c9c-000000000099"), record(3, program="macitentan")],
    ids=["another content", "another record", "another program"],
)
def test_what_contradicts_is_refused(second: DistributionRecord) -> None:
    rems = taking(record(1), record(2))
    with pytest.raises(ValueError, match=r"."):
        taking(second, rems=rems)
    assert len(rems.records) == 2


def test_it_speaks_late_twice_and_out_of_order_and_says_all_in_the_end() -> None:
    rems = taking(*(record(number) for number in range(1, 41)), rems=Rems("lemtrada", chance=Random(7)))  # noqa: S311 - a REMS that is always the same
    turns = [said(rems)]
    assert 0 < len(turns[0]) < 40
    for _ in range(100):
        turns.append(said(rems))
    all_said = [name for turn in turns for name, _ in turn]
    assert rems.silent
    assert set(all_said) == rems.records.keys()
    assert len(all_said) > 40
    assert all_said != sorted(all_said)


@pytest.mark.parametrize("of", [DEFAULT, layout("json_lines")], ids=["csv", "json lines"])
def test_a_file_gives_the_same_books_as_the_topic(of: Layout) -> None:
    """Also with every member that a record can lack, awkward texts, and all kinds."""
    by_file = Rems("lemtrada")
    assert by_file.take_file(whole(of, records(), number=1), AT) == 1
    assert by_file.records == taking(*records()).records
    assert len(by_file.records) == len(records())


def cut(raw: bytes) -> bytes:
    return b"\r\n".join(raw.split(b"\r\n")[:-2])


@pytest.mark.parametrize(
    "spoil",
    [
        cut,
        lambda raw: raw.replace(b"quantity=15", b"quantity=16"),
        lambda raw: raw.replace(b"records=3", b"records=4"),
        lambda raw: raw.replace(b"last=3", b"last=4"),
        lambda raw: raw.replace(b"file=1", b"file=2"),
    ],
    ids=["cut off", "quantity", "records", "sequences", "not the next file"],
)
def test_a_file_that_is_not_whole_is_refused_whole(spoil: Callable[[bytes], bytes]) -> None:
    raw = whole(DEFAULT, [record(number) for number in (1, 2, 3)], number=1)
    assert spoil(raw) != raw
    rems = Rems("lemtrada")
    with pytest.raises(ValueError, match=r"."):
        rems.take_file(spoil(raw), AT)
    assert (rems.records, rems.files) == ({}, [])


def test_a_file_number_is_of_one_file() -> None:
    rems = Rems("lemtrada")
    first = whole(DEFAULT, [record(1), record(2)], number=1)
    assert (rems.take_file(first, AT), rems.take_file(first, AT)) == (1, 1)
    assert (len(rems.files), rems.repeats) == (1, {1: 1, 2: 1})
    with pytest.raises(ValueError, match="other bytes"):
        rems.take_file(whole(DEFAULT, [record(1)], number=1), AT)


def test_what_it_says_as_a_file_of_receipts(tmp_path: Path) -> None:
    rems = taking(record(1), record(2), rems=Rems("lemtrada", lambda one: 'Lot, or "serial"?' if one.sequence == 2 else None))
    path = tmp_path / "receipts.csv"
    path.write_bytes(rems.receipts())
    found = [read_acknowledgement(raw) for raw in receipts(path, "lemtrada")]
    assert [one.status for one in found if isinstance(one, Acknowledgement)] == ["accepted", "rejected"]

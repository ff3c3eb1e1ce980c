"""Our own books against each other, and against a list from the REMS: what agrees agrees, and every difference that is planted is found."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.domain.runs import Runs
from gatekeeper.domain.sequences import Range
from gatekeeper.errors import Unusable
from gatekeeper.feeds import reconciling, their_books
from gatekeeper.feeds.reconciling import Reconciled, reconcile
from gatekeeper.feeds.their_list import their_list
from gatekeeper.feeds.writing import write
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.reconciling import Told
from tests.feed.made import layout
from tests.feed.rems import Rems, acknowledgement
from tests.feed.test_writing import TODAY, ZONE, later
from tests.gate.test_events import MANY
from tests.gate.test_revisions import SERIALS
from tests.gate.warehouse import REPORTING, Warehouse, event

WD = ("WD-001",)


@pytest.fixture(autouse=True)
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compared comes in more than one part."""
    monkeypatch.setattr("gatekeeper.storage.reconciling.AT_ONCE", 3)


def found(
    rems: Rems,
    theirs: Iterator[Told] | None = None,
    days: tuple[date, date] = (TODAY, TODAY),
    reporting: tuple[str, ...] = (),
    **changed: Any,
) -> Reconciled:
    [lemtrada] = rems.ledger.rules.programs
    return reconcile(rems.ledger.engine, lemtrada._replace(**changed), days, reporting, theirs)


def differences(of: Reconciled) -> dict[str, list[Range]]:
    return {what: runs.ranges for what, runs in of.differences.items()}


def spoil(rems: Rems, statement: str) -> None:
    """As no program would."""
    with transaction(rems.ledger.engine) as cursor:
        for table in ("distribution_record", "examination", "feed_file"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER only_added".encode())
        cursor.execute(statement.encode())


def accept_all(rems: Rems) -> None:
    rems.say(*(acknowledgement(str(row[0])) for row in rems.ledger.rows(tables.DISTRIBUTION_RECORD)))


def test_books_that_agree(rems: Rems, tmp_path: Path) -> None:
    """Released, shipped, recorded, submitted, acknowledged, and their list: all of one number, also where lines were voided."""
    warehouse = Warehouse(rems.ledger, REPORTING)
    rems.records(7)
    warehouse.tell(*(event("shipped", f"SO-{number}", lines=[1]) for number in range(1, 7)), event("cancelled", "SO-7"))
    accept_all(rems)
    [written] = write(rems.ledger.engine, tmp_path, layout("csv")._replace(cadence="each"), ZONE, TODAY)
    of = found(rems, their_list(written.path), reporting=WD)
    assert differences(of) == {}
    assert of.orders == []
    assert (of.first, of.last) == (1, 8)
    assert of.counts == {
        "released": 7, "recorded": 8, "  of them original": 7, "  of them correction": 0, "  of them void": 1, "  of them return": 0,
        "shipped": 6, "returned": 0, "for the topic": 8, "acknowledged": 8, "in their list": 8,
    }  # fmt: skip
    by_file = found(rems, feed_cadence="monthly")
    assert (differences(by_file), by_file.counts["in files"], "for the topic" in by_file.counts) == ({}, 8, False)


def test_the_days_are_those_on_which_records_were_made(rems: Rems) -> None:
    rems.records(2)
    later(rems, 1, 3)
    accept_all(rems)
    next_day = TODAY + timedelta(days=1)
    for days, first, last, released in (((TODAY, TODAY), 1, 2, 2), ((next_day, next_day), 3, 5, 3), ((TODAY, next_day), 1, 5, 5)):
        of = found(rems, days=days)
        assert (of.first, of.last, of.counts["released"], of.counts["recorded"], of.differences) == (first, last, released, released, {})
    empty = found(rems, days=(TODAY + timedelta(days=5), TODAY + timedelta(days=6)))
    assert (empty.last < empty.first, empty.differences, empty.orders) == (True, {}, [])


def test_what_is_not_acknowledged_or_not_corrected(rems: Rems) -> None:
    """A rejected record that was voided needs nothing any more."""
    records = rems.records(6)
    rems.say(acknowledgement(records[0]), acknowledgement(records[1], "rejected"), acknowledgement(records[4], "rejected"))
    Warehouse(rems.ledger, REPORTING).tell(event("cancelled", "SO-5"))
    of = found(rems)
    assert differences(of) == {
        reconciling.NOT_ACKNOWLEDGED: [Range(3, 4), Range(6, 7)], reconciling.NOT_CORRECTED: [Range(2, 2)],
    }  # fmt: skip
    assert (of.counts["for the topic"], of.counts["acknowledged"]) == (7, 1)


def test_what_did_not_leave_or_is_in_no_file(rems: Rems, tmp_path: Path) -> None:
    """Of a wholesaler that reports nothing it is not known what left."""
    rems.records(2)
    list(write(rems.ledger.engine, tmp_path, layout("json_lines"), ZONE, TODAY))
    rems.records(2)
    Warehouse(rems.ledger, REPORTING).tell(event("shipped", "SO-1", lines=[1]), event("shipped", "SO-3", lines=[2]))
    accept_all(rems)
    assert differences(found(rems)) == {}
    assert differences(found(rems, reporting=WD)) == {reconciling.NOT_SHIPPED: [Range(2, 4)]}
    assert differences(found(rems, feed_cadence="daily")) == {reconciling.NOT_SUBMITTED: [Range(3, 4)]}


def test_what_was_altered_in_our_own_books(rems: Rems, tmp_path: Path) -> None:
    """A record that is missing, one that nobody released, a line released without a record, a file that does not follow the one before."""
    for _ in range(3):
        rems.records(3)
        list(write(rems.ledger.engine, tmp_path, layout("json_lines"), ZONE, TODAY))
    accept_all(rems)
    spoil(rems, "DELETE FROM distribution_record WHERE sequence = 5")
    spoil(rems, """UPDATE examination SET released = '{"lines":[]}'::bytea WHERE order_id = 'SO-8'""")
    spoil(rems, "DELETE FROM feed_file WHERE number = 2")
    of = found(rems)
    assert differences(of) == {
        reconciling.GAP: [Range(5, 5)], reconciling.NOT_RELEASED: [Range(8, 8)], reconciling.FILES_GAP: [Range(4, 6)],
    }  # fmt: skip
    assert of.orders == ["WD-001 SO-5 revision 1 line 1"]


def test_their_list_has_others_than_ours(rems: Rems, tmp_path: Path) -> None:
    """Missing, unknown, of another day, twice, and with other members: each is named."""
    records = rems.records(6)
    later(rems, 1, 1)
    [next_day] = [str(row[0]) for row in rems.ledger.rows(tables.DISTRIBUTION_RECORD) if str(row[0]) not in records]
    accept_all(rems)
    rows = [
        (records[0], 1, "original", 5, "A1234"), (records[2], 3, "void", 5, ""), (records[2], 3, "", "", ""), (records[3], 9, "", "", ""),
        (records[4], 5, "original", 4, ""), (next_day, 7, "", "", ""), ("P-00001234", 8, "", "", ""), ("", "", "", "", ""),
    ]  # fmt: skip
    path = tmp_path / "theirs.csv"
    path.write_text("record_id,sequence,kind,quantity,lot,more\n" + "".join(",".join(map(str, (*row, "x"))) + "\n" for row in rows))
    lots = {str(row[0]): row[7] for row in rems.ledger.rows(tables.DISTRIBUTION_RECORD)}
    assert b'"lot":"A1' in lots[records[0]]
    of = found(rems, their_list(path))
    told = differences(of)
    assert told[their_books.MISSING_THERE] == [Range(2, 2), Range(6, 6)]
    assert told[their_books.UNKNOWN_HERE] == [Range(8, 9)]
    assert told[their_books.OUTSIDE] == [Range(7, 7)]
    assert told[their_books.TWICE] == [Range(3, 3)]
    assert told[their_books.SEQUENCE_TWICE] == [Range(3, 3)]
    assert Range(3, 5) in told[their_books.DIFFERS] or told[their_books.DIFFERS][-1].last >= 5
    assert of.counts["in their list"] == 8


THEIRS = "record_id,serials,patient_id,status\n"


@pytest.mark.parametrize(
    ("row", "differs"),
    [
        ("A|B|C|D|E,P-1,accepted", None),
        ("E|D|C|B|A,P-1,accepted", None),
        ("A|B|C|D|F,P-1,accepted", their_books.OTHER_SERIALS),
        ("A|B|C|D,P-1,accepted", their_books.OTHER_SERIALS),
        ("A|B|C|D|E|E,P-1,accepted", their_books.OTHER_SERIALS),
        (",P-1,accepted", their_books.OTHER_SERIALS),
        ("A|B|C|D|E,P-2,accepted", their_books.OTHER_PATIENT),
        ("A|B|C|D|E,,accepted", their_books.OTHER_PATIENT),
        ("A|B|C|D|E,P-1,rejected", their_books.OTHER_STATUS),
        ("A|B|C|D|E,P-1,", their_books.OTHER_STATUS),
    ],
)
def test_their_list_has_other_serials_another_patient_or_status(rems: Rems, tmp_path: Path, row: str, differs: str | None) -> None:
    """In whatever order the serials stand; a column that is not there says nothing, and an empty cell says that there is none."""
    [record] = rems.records(1, SERIALS | MANY)
    accept_all(rems)
    path = tmp_path / "theirs.csv"
    path.write_text(f"{THEIRS}{record},{row}\n")
    assert differences(found(rems, their_list(path))) == ({differs: [Range(1, 1)]} if differs else {})
    path.write_text(f"record_id\n{record}\n")
    assert found(rems, their_list(path)).agree


def test_what_is_open_here_has_no_status_there(rems: Rems, tmp_path: Path) -> None:
    [record] = rems.records(1)
    path = tmp_path / "theirs.csv"
    for status, also in (("", []), ("accepted", [their_books.OTHER_STATUS])):
        path.write_text(f"record_id,status\n{record},{status}\n")
        assert list(differences(found(rems, their_list(path)))) == [reconciling.NOT_ACKNOWLEDGED, *also]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sequence\n1\n", "the first row must name columns"), ("record_id,record_id\n", "the first row"),
        ("record_id,sequence\n1\n", "row 2"),
        ("record_id,sequence\nx,-1\n", "row 2: sequence must be a whole number"), ("record_id,quantity\nx,5.0\n", "row 2: quantity"),
        ('record_id\n"a\n', "CSV"), ("record_id,lot\nx,a\0b\n", "CSV|control"), ("record_id,patient_id\nx,a\0b\n", "CSV|control"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_read(rems: Rems, tmp_path: Path, text: str, said: str) -> None:
    rems.records(1)
    (tmp_path / "theirs.csv").write_bytes(text.encode())
    with pytest.raises(Unusable, match=said):
        found(rems, their_list(tmp_path / "theirs.csv"))


def test_runs() -> None:
    """What touches is one range; what comes twice counts twice."""
    runs = Runs()
    for number in (1, 2, 2, 3, 7, 9, 10):
        runs.add(number)
    assert (runs.count, runs.ranges) == (7, [Range(1, 3), Range(7, 7), Range(9, 10)])

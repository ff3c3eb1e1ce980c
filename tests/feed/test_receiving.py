"""Files from a REMS: a 997 accepts a file and no record, receipts are taken once, and what does not fit changes nothing."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from gatekeeper.errors import Unusable
from gatekeeper.feeds.receiving import Received, receive
from gatekeeper.feeds.writing import write
from gatekeeper.storage import tables
from gatekeeper.storage.engine import transaction
from tests.feed.made import layout
from tests.feed.rems import Rems
from tests.feed.test_acknowledging import resubmit
from tests.feed.test_writing import TODAY, ZONE
from tests.gate.test_answers import SCHEMAS

ISA = "ISA*00*          *00*          *01*REMS.LEMTRADA  *ZZ*WD-001         *261121*0612*U*00401*{n:09}*0*T*>~"
GS = "GS*FA*REMS.LEMTRADA*WD-001*20261121*0612*{n}*X*004010~"
Give = Callable[..., Received]


def said_997(*groups: tuple[object, str], number: int = 71, kind: str = "997", isa: str = ISA) -> str:
    """An acknowledgement of groups, each with what became of it."""
    sets = []
    for place, (file, status) in enumerate(groups, 1):
        body = [f"ST*{kind}*{place:04}", f"AK1*PT*{file}", "AK2*867*0001", f"{'AK5' if kind == '997' else 'IK5'}*A", f"AK9*{status}*1*1*1"]
        sets.append("~".join([*body, f"SE*{len(body) + 1}*{place:04}"]) + "~")
    version = isa if kind == "997" else isa.replace("*U*00401*", "*^*00501*")
    group = GS if kind == "997" else GS.replace("004010", "005010X231A1")
    return (version + group).format(n=number) + "".join(sets) + f"GE*{len(groups)}*{number}~IEA*1*{number:09}~"


@pytest.fixture
def give(rems: Rems, tmp_path: Path) -> Give:
    def given(text: str | bytes, program: str = "lemtrada") -> Received:
        path = tmp_path / f"{uuid4().hex}.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return receive(rems.ledger.engine, path, program)

    return given


@pytest.fixture
def files(rems: Rems, tmp_path: Path) -> None:
    """Two X12 files with two records each."""
    for accepts in (False, True):
        of = layout("x12")._replace(cadence="each", accepted_file_accepts_records=accepts)
        rems.records(2)
        list(write(rems.ledger.engine, tmp_path / "feed", of, ZONE, TODAY))


def statuses(rems: Rems) -> list[tuple[int, int, str]]:
    return [row[1:4] for row in rems.ledger.rows(tables.FILE_ACKNOWLEDGEMENT)]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("kind", ["997", "999"])
def test_a_file_is_accepted_and_its_records_are_not(rems: Rems, give: Give, kind: str) -> None:
    """Unless the layout by which it was written says so; the same file again, or the same said again, changes nothing."""
    came = give(said_997((1, "A"), kind=kind))
    assert (came.number, came.kind, came.counts, came.accepted) == (1, kind, {"acknowledgement": 1}, 0)
    assert (statuses(rems), rems.said(), rems.alerts()) == ([(1, 1, "accepted")], [], [])
    assert give(said_997((1, "A"), kind=kind)).counts == {"repeat": 1}
    assert give(said_997((1, "A"), kind=kind, number=72)).counts == {"repeat": 1}
    assert give(said_997((2, "A"), kind=kind, number=73)).accepted == 2
    assert rems.said() == [(3, 1, "accepted"), (4, 1, "accepted")]
    assert give(said_997((2, "A"), kind=kind, number=73)).accepted == 0
    assert [row[0] for row in rems.ledger.rows(tables.RECEIVED_FILE)] == [1, 2, 3]
    assert rems.alerts() == []


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("letter", "status"), [("R", "rejected"), ("P", "partly_accepted"), ("E", "accepted_with_errors"), ("M", "rejected")]
)
def test_a_file_that_is_not_accepted_raises_an_alert(rems: Rems, give: Give, letter: str, status: str) -> None:
    """Its records stay open; another word about it is set aside, until it is sent again."""
    assert give(said_997((2, letter))).counts == {"acknowledgement": 1}
    assert give(said_997((2, "A"), number=72)).counts == {"aside": 1}
    assert (statuses(rems), rems.said()) == ([(2, 1, status)], [])
    [(rejected, body), (contradicts, _)] = rems.alerts()
    assert (rejected, contradicts) == ("feed_file_rejected", "file_acknowledgement_contradicts")
    assert body["evidence"] == {"file": 2, "status": status, "received_file": 1, "first": 3, "last": 4}
    SCHEMAS["compliance-alerts"].validate(body)


@pytest.mark.usefixtures("files")
def test_a_file_that_nobody_sent(rems: Rems, give: Give) -> None:
    assert give(said_997((7, "A"), (1, "A"))).counts == {"aside": 1, "acknowledgement": 1}
    assert [kind for kind, _ in rems.alerts()] == ["file_acknowledgement_unknown"]
    assert statuses(rems) == [(1, 1, "accepted")]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (said_997((1, "A")).replace("SE*6", "SE*7"), "do not fit"),
        (said_997((1, "A")).replace("GE*1", "GE*2"), "do not fit"),
        (said_997((1, "A")).replace("IEA*1", "IEA*2"), "do not fit"),
        (said_997((1, "A")).rpartition("IEA")[0], "do not fit"),
        (said_997((1, "A")).replace("IEA*1*000000071", "IEA*1*000000072"), "do not fit"),
        (said_997((1, "A"))[:50], "cannot|that can be read"),
        (said_997((1, "A"), kind="867"), "one interchange"),
        (said_997((1, "Q")), "not in the standard"),
        (said_997(("x", "A")), "not in the"),
        (said_997((1, "A")).replace("AK1*PT", "AK1*IN"), "no group of kind PT"),
        (said_997((1, "A")) * 2, "one interchange|do not fit"),
        (said_997((1, "A")).replace("AK9*A*1*1*1~SE*6", "SE*5"), "does not say what became"),
        (said_997((1, "A")).replace("AK2*867*0001", "AK1*PT*2"), "does not say what became"),
        (said_997((1, "A")).replace("261121", "269921"), "when"),
        (said_997((1, "A")).replace("WD-001         ", "WD-002         "), "not between the parties"),
        ("ISA" + "IEA~" * 200, "that can be read"),
        (b"ISA\xff", "UTF-8"),
    ],
)
def test_what_cannot_be_read_changes_nothing(rems: Rems, give: Give, text: str, said: str) -> None:
    """One sentence, which repeats nothing of the file."""
    with pytest.raises(Unusable, match=said) as refused:
        give(text)
    assert "REMS.LEMTRADA" not in str(refused.value)
    assert rems.ledger.rows(tables.RECEIVED_FILE) == statuses(rems) == rems.said() == []


HEAD = "record_id,status,receipt,at,problem\r\n"


def row(record: str, status: str = "accepted") -> str:
    why = ("R-1", "") if status == "accepted" else ("", '"The lot, ""A"", is not known."')
    return f"{record},{status},{why[0]},2026-11-21T04:12:09Z,{why[1]}\r\n"


def test_receipts_by_record_are_taken_once(rems: Rems, give: Give) -> None:
    """Row by row as messages are; the same file again is read back."""
    first, second, third = rems.records(3)
    text = HEAD + row(first) + row(second, "rejected") + row(first) + row(str(uuid4()))
    came = give(text)
    assert (came.number, came.kind) == (1, "receipts")
    assert came.counts == {"acknowledgement": 2, "repeat": 1, "aside": 1}
    before = [rems.ledger.rows(table) for table in (tables.ARRIVAL, tables.ACKNOWLEDGEMENT, tables.ALERT, tables.RECEIVED_FILE)]
    assert give(text) == came
    assert before == [rems.ledger.rows(table) for table in (tables.ARRIVAL, tables.ACKNOWLEDGEMENT, tables.ALERT, tables.RECEIVED_FILE)]
    assert give(HEAD + row(third)).number == 2
    assert rems.said() == [(1, 1, "accepted"), (2, 1, "rejected"), (3, 1, "accepted")]
    assert [kind for kind, _ in rems.alerts()] == ["record_rejected", "acknowledgement_unknown"]


def test_receipts_go_on_where_they_ended(rems: Rems, give: Give, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between two parts, the rows that were taken are read back, and the rest is taken."""
    monkeypatch.setattr("gatekeeper.feeds.receiving.AT_ONCE", 2)
    records = rems.records(5)
    text = HEAD + "".join(map(row, records))
    taken = 0

    def dies(*arguments: object) -> object:
        nonlocal taken
        taken += 1
        if taken == 3:
            raise KeyboardInterrupt
        return take(*arguments)  # type: ignore[arg-type]

    from gatekeeper.feeds.receiving import take_acknowledgements as take  # noqa: PLC0415

    with monkeypatch.context() as patched:
        patched.setattr("gatekeeper.feeds.receiving.take_acknowledgements", dies)
        with pytest.raises(KeyboardInterrupt):
            give(text)
    assert len(rems.said()) == 4
    assert give(text).counts == {"acknowledgement": 5}
    assert [each[:2] for each in rems.said()] == [(number, 1) for number in range(1, 6)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the first row must name"),
        ("record_id,status\r\n", "the first row must name"),
        ("record_id,status,at,at\r\n", "the first row"),
        (HEAD.replace("problem", "patient") + row("x"), "the first row"),
        (HEAD + "a,b\r\n", "row 2: it has 2 cells"),
        (HEAD + row("P 1"), "row 2: /record_id: Must be"),
        (HEAD + row("x", "lost"), "row 2: /status"),
        (HEAD + row("x") + 'a,"b', "CSV"),
        (HEAD + row("x").replace("2026-11-21T", "yesterday "), "row 2: /at"),
        (b"\xff\xfe", "UTF-8"),
        (HEAD + "x" * 250_001 + ",,,,\r\n", "CSV"),
    ],
)
def test_receipts_that_cannot_be_read_are_not_taken(rems: Rems, give: Give, text: str, said: str) -> None:
    """Not one row of them."""
    [record] = rems.records()
    with pytest.raises(Unusable, match=said):
        give(text.replace(HEAD, HEAD + row(record), 1).replace("row 2", "row 3") if isinstance(text, str) and "row 2" not in said else text)
    assert rems.said() == rems.ledger.rows(tables.RECEIVED_FILE) == []


def test_the_same_file_of_another_program(rems: Rems, give: Give) -> None:
    [record] = rems.records()
    give(HEAD + row(record))
    with pytest.raises(Unusable, match="came before, as file 1 of lemtrada"):
        give(HEAD + row(record), "isotretinoin")


@pytest.mark.usefixtures("files")
def test_after_a_file_was_sent_again_one_more_word_counts(rems: Rems, give: Give) -> None:
    give(said_997((2, "R")))
    with transaction(rems.ledger.engine) as cursor:
        cursor.execute("INSERT INTO file_resubmission VALUES ('lemtrada', 2, 1, 'x', 'u-1', now(), 1)")
    resubmit(rems.ledger, str(rems.ledger.rows(tables.DISTRIBUTION_RECORD)[0][0]), 1)
    assert give(said_997((2, "A"), number=72)).counts == {"acknowledgement": 1}
    assert statuses(rems) == [(2, 1, "rejected"), (2, 2, "accepted")]

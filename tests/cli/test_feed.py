"""`gatekeeper feed`, as people type it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gatekeeper.storage import tables
from tests.cli.conftest import Typing
from tests.feed.rems import Rems, acknowledgement
from tests.feed.test_receiving import HEAD, row
from tests.gate.conftest import ledger, template
from tests.gate.ledger import NOON, Ledger, authorization
from tests.gate.test_bypass import read_on
from tests.gate.warehouse import Warehouse, event

__all__ = ["ledger", "template"]

LAYOUT = Path(__file__).parents[1] / "feed" / "layouts" / "json_lines"
WRITE = ("feed", "write", "--program", "lemtrada", "--through", "2026-11-20")
REASON = ("--reason", "They lost it.")


@pytest.fixture
def rems(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, as_person: Typing) -> Iterator[Rems]:
    """A ledger that the commands reach, and a folder for files."""
    assert as_person
    ledger.load(authorization("AU-MANY", 1_000_000))
    for name, text in {"DATABASE_URL": ledger.url, "FEED_LAYOUTS": str(LAYOUT), "FEED_FOLDER": str(tmp_path / "feed")}.items():
        monkeypatch.setenv(f"GATEKEEPER_{name}", text)
    return Rems(ledger)


def test_write_acknowledge_and_send_once_more(rems: Rems, as_person: Typing, tmp_path: Path) -> None:
    records = rems.records(3)
    said = as_person(None, *WRITE)
    path = tmp_path / "feed" / "lemtrada-000001.jsonl"
    assert said.status == 0
    assert said.out.startswith(f"{path}: made; records 1 to 3 (3, quantity 15), sha256 ")
    assert as_person(None, *WRITE).out == said.out.replace(": made;", ": there;")
    (tmp_path / "receipts.csv").write_text(HEAD + row(records[0]) + row(records[1], "rejected"))
    came = as_person(None, "feed", "acknowledge", "--program", "lemtrada", tmp_path / "receipts.csv")
    assert (came.status, came.out) == (0, f"{tmp_path / 'receipts.csv'} is file 1 of those that came (receipts): counted 2.\n")
    again = as_person("u-1", "feed", "resend", "--program", "lemtrada", "1", "3-3", *REASON)
    assert (again.status, again.out) == (0, "2 records of lemtrada go out once more, on record with the name of u-1.\n")
    path.unlink()
    assert as_person("u-1", "feed", "resend", "--program", "lemtrada", "--file", "1", *REASON).out.startswith(f"{path}: made again;")
    assert len(rems.ledger.rows(tables.RESUBMISSION)) == 2
    assert len(rems.ledger.rows(tables.FILE_RESUBMISSION)) == 1
    assert as_person(None, "verify").status == 0


def test_where_a_program_has_several_layouts_it_is_said_which(rems: Rems, as_person: Typing, tmp_path: Path) -> None:
    """One for each cadence; whichever it is, a record goes into the next file and into no other."""
    layouts = tmp_path / "layouts"
    layouts.mkdir()
    text = (LAYOUT / "lemtrada.toml").read_text()
    for cadence in ("each", "daily"):
        (layouts / f"{cadence}.toml").write_text(text.replace('cadence = "each"', f'cadence = "{cadence}"'))
    rems.records(2)
    several = {"feed_layouts": str(layouts)}
    assert as_person(None, *WRITE, **several).err == "There are layouts of lemtrada for daily, each: say with --cadence which.\n"
    said = as_person(None, *WRITE, "--cadence", "monthly", **several)
    assert said.err == "There is no layout of lemtrada for monthly in GATEKEEPER_FEED_LAYOUTS; there are for daily, each.\n"
    assert ": made; records 1 to 2 (2," in as_person(None, *WRITE, "--cadence", "each", **several).out
    rems.records(1)
    rems.ledger.set_clock(NOON + timedelta(days=1))
    assert "lemtrada-000002.jsonl: made; records 3 to 3 (1," in as_person(None, *WRITE, "--cadence", "daily", **several).out


def test_goods_past_the_gate_without_a_record_differ(rems: Rems, as_person: Typing) -> None:
    """Shipped and not recorded, by order and event, until two people have completed it."""
    words = ("feed", "reconcile", "--program", "lemtrada", "--from", "2026-11-20", "--to", "2026-11-20")
    warehouse = Warehouse(rems.ledger)
    warehouse.tell(event("shipped", "SO-9", lines=[{"line": 1, "quantity": 5}], event_id="EV-LOST"))
    read_on(warehouse, {0: 0})
    said = as_person(None, *words)
    assert (said.status, said.out.splitlines()[-2:]) == (
        1,
        ["Differs: shipped and not recorded: WD-001 SO-9 revision 1 line 1, event EV-LOST", "The books differ."],
    )
    assert as_person(None, *words[:-3], "2026-11-19", "--to", "2026-11-19").status == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*WRITE[:3], "nobody", *WRITE[4:]), "There are no rules of nobody here; there are of lemtrada."),
        ((*WRITE[:-1], "20.11.2026"), "--through must be a day, written YYYY-MM-DD."),
        ((*WRITE[:-1], "2026-11-21"), "2026-11-21 is not over yet where lemtrada is (America/New_York): no file can be made of it."),
        (("feed", "resend", "--program", "lemtrada", "2", *REASON), "Record 2 of lemtrada was rejected: it needs a correction"),
        (("feed", "resend", "--program", "lemtrada", "3-9", *REASON), "There is no record of lemtrada with sequence 4."),
        (("feed", "resend", "--program", "lemtrada", "1-20000", *REASON), "At most 10,000 records are sent again at once"),
        (("feed", "resend", "--program", "lemtrada", "0", *REASON), "A sequence must be a number from 1 on"),
        (("feed", "resend", "--program", "lemtrada", "3-2", *REASON), "A sequence must be a number from 1 on"),
        (("feed", "resend", "--program", "lemtrada", *REASON), "Name sequences, or a file with --file, and not both."),
        (("feed", "resend", "--program", "lemtrada", "1", "--file", "1", *REASON), "Name sequences, or a file"),
        (("feed", "resend", "--program", "lemtrada", "--file", "9", *REASON), "There is no file 9 of lemtrada."),
        (("feed", "resend", "--program", "lemtrada", "1", "--reason", " "), "The reason must be a text"),
        (("feed", "acknowledge", "--program", "lemtrada", "no-such-file"), "no-such-file cannot be read"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(rems: Rems, as_person: Typing, words: tuple[str, ...], said: str) -> None:
    records = rems.records(3)
    rems.say(acknowledgement(records[1], "rejected"))
    blocks = len(rems.ledger.rows(tables.BLOCK))
    answer = as_person("u-1", *words)
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith(said)
    assert answer.err.count("\n") == 1
    assert len(rems.ledger.rows(tables.BLOCK)) == blocks


def test_nobody_sends_once_more_without_a_name(rems: Rems, as_person: Typing) -> None:
    rems.records(1)
    assert as_person(None, "feed", "resend", "--program", "lemtrada", "1", *REASON).status == 2
    assert rems.ledger.rows(tables.RESUBMISSION) == []


def test_reconcile_agrees_or_names_what_differs(rems: Rems, as_person: Typing, tmp_path: Path) -> None:
    """Exit 0 or 1; what differs by its sequences, and nobody by name."""
    records = rems.records(3)
    words = ("feed", "reconcile", "--program", "lemtrada", "--from", "2026-11-20", "--to", "2026-11-20")
    rems.say(acknowledgement(records[0]))
    said = as_person(None, *words)
    assert said.status == 1
    assert said.out.splitlines()[0] == "Records 1 to 3 of lemtrada, made from 2026-11-20 to 2026-11-20:"
    assert said.out.splitlines()[-2:] == ["Differs: not acknowledged: 2: 2-3", "The books differ."]
    rems.say(*map(acknowledgement, records[1:]))
    (tmp_path / "theirs.csv").write_text("record_id,sequence\n" + "".join(f"{name},{number}\n" for number, name in enumerate(records, 1)))
    said = as_person(None, *words, tmp_path / "theirs.csv")
    assert (said.status, said.out.splitlines()[-1]) == (0, "The books agree.")
    (tmp_path / "theirs.csv").write_text(f"record_id,sequence\n{records[0]},1\n{records[2]},3\n")
    said = as_person(None, *words, tmp_path / "theirs.csv")
    assert (said.status, said.out.splitlines()[-2]) == (1, "Differs: not in their list: 1: 2")
    assert as_person(None, *words[:-1], "2026-11-19").err == "--to must not be before --from.\n"
    assert as_person(None, *words[:-3], "2027-01-01", "--to", "2027-01-02").out.startswith("There are no records of lemtrada from")


def test_a_rejected_record_is_shown_and_corrected_by_two_people(rems: Rems, as_person: Typing, tmp_path: Path) -> None:
    [record] = rems.records(1)
    rems.say(acknowledgement(record, "rejected", problem="The lot is not known."))
    assert as_person(None, "feed", "rejected", "--program", "lemtrada").out == f"{record}  1  original  The lot is not known.\n"
    assert as_person(None, "feed", "show", record).status == 2
    (tmp_path / "changes.json").write_text('{"lot": "B1"}')
    said = as_person("u-1", "feed", "correct", "propose", record, tmp_path / "changes.json", *REASON)
    name = said.out.split()[0]
    assert said.out == f"{name} is proposed by u-1. Another person must approve it before it counts.\n"
    assert as_person("u-1", "feed", "correct", "approve", name, *REASON).err == "Another person must approve what u-1 proposed.\n"
    made = as_person("u-2", "feed", "correct", "approve", name, *REASON)
    assert made.out.startswith("Record 2 of lemtrada (")
    assert made.out.endswith(f") replaces {record}, approved by u-2.\n")
    assert as_person(None, "feed", "rejected", "--program", "lemtrada").out == "No record of lemtrada waits for a correction.\n"
    shown = as_person("u-3", "feed", "show", record).out.splitlines()
    assert shown[1] == "rejected, replaced: The lot is not known."
    assert shown[2] == f"{name}  approved"
    assert as_person("u-1", "feed", "correct", "refuse", name, *REASON).err == f"Correction {name} is approved already, by u-2.\n"
    assert as_person("u-1", "feed", "correct", "propose", record, tmp_path / "none.json", *REASON).err.endswith(
        "cannot be read: No such file or directory.\n"
    )
    assert as_person(None, "verify").status == 0

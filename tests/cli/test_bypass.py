"""`gatekeeper bypass`, as the people type it who find out what left past the gate."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Typing
from tests.gate.conftest import ledger, template
from tests.gate.ledger import Ledger, authorization
from tests.gate.shelves import live
from tests.gate.test_bypass import PATIENT, SHIP_TO, WHOLE, read_on
from tests.gate.warehouse import Warehouse, event

__all__ = ["ledger", "template"]

REASON = ("--reason", "Their packing list.")
OTHERS = "Another person must approve what u-1 proposed.\n"


@pytest.fixture
def lacking(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, as_person: Typing, tmp_path: Path) -> str:
    """The id of goods that left without an order, of which nobody said what they were; the file has it."""
    assert as_person
    monkeypatch.setenv("GATEKEEPER_DATABASE_URL", ledger.url)
    ledger.load(authorization("AU-MANY", 1000))
    warehouse = Warehouse(ledger)
    warehouse.tell(event("shipped", lines=[{"line": 1, "quantity": 5}], event_id="EV-PAST"))
    read_on(warehouse, {0: 0})
    (tmp_path / "found.json").write_text(
        json.dumps({"product": WHOLE["product"], "patient": PATIENT, "ship_to": SHIP_TO, "ship_from": {"site_id": "DC-07"}})
    )
    return as_person(None, "bypass", "list").out.split()[0]


def test_two_people_complete_what_lacks_its_record(lacking: str, ledger: Ledger, as_person: Typing, tmp_path: Path) -> None:
    """List, propose, refuse, propose again, approve; nobody approves his own; the record says what was added."""
    file, about = tmp_path / "found.json", "line 1 of WD-001/SO-1/1, event EV-PAST"
    shown = as_person(None, "bypass", "list")
    assert (shown.status, shown.out.splitlines()[0]) == (1, f"{lacking}  open  {about}")
    assert shown.out.splitlines()[1].endswith(": not_released; a record lacks product, ship_to")
    said = as_person("u-1", "bypass", "complete", lacking, file, *REASON)
    assert (said.status, said.out) == (0, f"{lacking} is completed by u-1: {about}. Another person must approve it.\n")
    assert as_person("u-1", "bypass", "approve", lacking, *REASON) == (2, "", OTHERS)
    assert live(ledger) is None
    assert as_person("u-2", "bypass", "refuse", lacking, *REASON).out == f"{lacking} is open by u-2: {about}.\n"
    assert as_person("u-1", "bypass", "complete", lacking, file, *REASON).status == 0
    assert as_person("u-2", "bypass", "approve", lacking, *REASON).out == f"{lacking} is approved by u-2: {about}.\n"
    record = live(ledger) or {}
    assert (record["quantity"], record["outside_gate"], record["ship_from"], record["patient_id"]) == (5, True, {"site_id": "DC-07"}, "P-1")
    assert as_person(None, "bypass", "list") == (0, "Nothing left past the gate without a record.\n", "")
    every = as_person(None, "bypass", "list", "--all").out.splitlines()
    assert every[0] == f"{lacking}  approved  {about}"
    assert [line.split()[0] for line in every[2:]] == ["proposed", "refused", "proposed", "approved"]
    assert "P-1" not in "".join(every)
    assert as_person(None, "verify").status == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("approve", "ID", *REASON), "nothing is proposed that could be decided"),
        (("refuse", "ID", *REASON), "nothing is proposed that could be decided"),
        (("approve", "x", *REASON), "must be named by its id"),
        (("approve", f"{0:032}", *REASON), "There is no bypass 00000000-0000-0000-0000-000000000000."),
        (("approve", "ID"), "Missing option '--reason'."),
        (("complete", "ID", "FILE", "--reason", " "), "The reason must be a text"),
        (("complete", "ID", "none.json", *REASON), "cannot be read"),
        (("complete", "ID", "EMPTY", *REASON), "The file completes nothing."),
        (("complete", "ID", "PART", *REASON), "A record of these goods would still lack or contradict: ship_to."),
    ],
)
def test_misuse_is_one_sentence(lacking: str, as_person: Typing, tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    for name, said in {"empty": {}, "part": {"product": WHOLE["product"], "patient": PATIENT}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(said))
    files = {"FILE": tmp_path / "found.json", "EMPTY": tmp_path / "empty.json", "PART": tmp_path / "part.json", "ID": lacking}
    said = as_person("u-1", "bypass", *[files.get(word, word) for word in words])
    assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
    assert sentence in said.err


def test_nobody_acts_without_a_token(lacking: str, as_person: Typing, tmp_path: Path) -> None:
    for words in (("complete", lacking, tmp_path / "found.json"), ("approve", lacking), ("refuse", lacking)):
        said = as_person(None, "bypass", *words, *REASON)
        assert said == (2, "", "This command acts for a person: GATEKEEPER_TOKEN must hold that person's token.\n")

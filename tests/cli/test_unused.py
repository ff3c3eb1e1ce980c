"""`gatekeeper unused list`, as people type it."""

import json

import pytest

from tests.cli.conftest import Typing
from tests.feed.test_unused import FORM, release
from tests.gate.conftest import ledger, template
from tests.gate.ledger import Ledger, authorization
from tests.gate.warehouse import Warehouse, event

__all__ = ["ledger", "template"]

LIST = ("unused", "list", "--program", "lemtrada")


@pytest.fixture
def shipped(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, as_person: Typing) -> Warehouse:
    """Two lines that left, one of which came back in part, and one of a form of which nobody told."""
    assert as_person
    monkeypatch.setenv("GATEKEEPER_DATABASE_URL", ledger.url)
    ledger.load(authorization("AU-F", 1000) | FORM, authorization("AU-MANY", 1000))
    warehouse = Warehouse(ledger)
    release(ledger, "SO-1", "SO-2")
    release(ledger, "SO-3", on="AU-MANY")
    warehouse.tell(event("shipped", "SO-2", lines=[1]), event("returned", "SO-2", lines=[{"line": 1, "serials": ["SO-2V4"]}]))
    return warehouse


def test_it_says_which_are_out_and_until_when(shipped: Warehouse, as_person: Typing) -> None:
    assert shipped
    said = as_person(None, *LIST)
    assert said.status == 0
    heads, *rows = [line.split("\t") for line in said.out.splitlines()]
    assert heads[:8] == ["state", "until", "form of", "site", "order", "line", "out", "of"]
    assert [row[:8] for row in rows] == [
        ["due", "2026-12-01", "2026-08-12", "HF1", "WD-001/SO-1/1", "1", "5", "5"],
        ["due", "2026-12-01", "2026-08-12", "HF1", "WD-001/SO-2/1", "1", "4", "5"],
        ["unknown", "not known", "not known", "HF1", "WD-001/SO-3/1", "1", "5", "5"],
    ]
    assert rows[1][8:] == ["SO-2V1 SO-2V2 SO-2V3 SO-2V5", "SO-2V4"]
    assert not {"P-1", "PR-1", "AU-F"} & set(said.out.split())


def test_json_and_the_choice_of_some(shipped: Warehouse, as_person: Typing) -> None:
    def orders(*words: str) -> list[str]:
        said = as_person(None, *LIST, "--json", *words)
        assert said.status == 0
        return [json.loads(line)["order_id"] for line in said.out.splitlines()]

    first = json.loads(as_person(None, *LIST, "--json").out.splitlines()[0])
    assert first.pop("record_id")
    assert first == {
        "program": "lemtrada", "state": "due", "return_by": "2026-12-01", "form_submitted_on": "2026-08-12", "site_id": "HF1",
        "administering_site_id": "HF1", "wholesaler_id": "WD-001", "order_id": "SO-1", "revision": 1, "line": 1, "shipped": 5, "out": 5,
        "serials": ["SO-1V1", "SO-1V2", "SO-1V3", "SO-1V4", "SO-1V5"], "returned_serials": [],
    }  # fmt: skip
    assert orders() == ["SO-1", "SO-2", "SO-3"]
    assert orders("--state", "unknown") == ["SO-3"]
    assert orders("--state", "overdue", "--state", "returned") == []
    assert orders("--from", "2026-12-01", "--to", "2026-12-01") == ["SO-1", "SO-2"]
    assert orders("--to", "2026-11-30") == orders("--from", "2026-12-02") == []
    shipped.tell(event("returned", "SO-2", lines=[1]))
    assert orders("--state", "returned") == ["SO-2"]
    assert as_person(None, *LIST, "--state", "overdue").out == "There are no such vials of lemtrada.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("unused", "list"), "Missing option '--program'."),
        ((*LIST[:-1], "nobody"), "There are no rules of nobody here; there are of lemtrada."),
        ((*LIST, "--from", "1.12.2026"), "--from must be a day, written YYYY-MM-DD."),
        ((*LIST, "--from", "2026-12-02", "--to", "2026-12-01"), "--to must not be before --from."),
        ((*LIST, "--state", "lost"), "Invalid value for '--state':"),
    ],
)
def test_misuse_is_one_sentence(as_person: Typing, words: tuple[str, ...], sentence: str) -> None:
    said = as_person(None, *words)
    assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith(sentence)


def test_a_program_without_a_window_has_no_such_list(as_person: Typing) -> None:
    said = as_person(None, *LIST[:-1], "macitentan", programs_added="macitentan")
    assert (said.status, said.err) == (2, "The rules of macitentan count no days for a return.\n")

"""Whole lists of what look-backs found and of what needs two people: what the lists say, patients masked, on record."""

from pathlib import Path
from typing import Any

import pytest

from gatekeeper.api import two_people
from gatekeeper.storage import tables
from tests.api.desk import PURPOSE, Desk
from tests.api.test_examples import asked, fill, withdraw
from tests.api.test_exports import lines, read
from tests.api.test_findings import SECRETS, orders, recalled
from tests.api.test_lists import pages
from tests.api.test_two_people import ALIAS

__all__ = ["recalled"]
LISTS = {
    "site-aliases": "site_aliases", "bypasses": "bypasses", "voids": "voids", "refused-snapshots": "snapshots",
    "corrections?program=lemtrada": "rejected",
}  # fmt: skip


def test_findings_are_those_of_the_list(desk: Desk, recalled: str) -> None:
    """Patients are masked unless for a purpose; then it is on record as that."""
    path = recalled.replace("/v1/", "/v1/exports/")
    answer = desk.ask(f"{path}&format=jsonl")
    assert not any(secret in answer.data for secret in SECRETS)
    wanted = desk.answer(recalled)["findings"]
    assert [{name: found[name] for name in one} for found, one in zip(lines(answer), wanted, strict=True)] == wanted
    assert [row["order_id"] for row in read(desk.ask(path))] == orders(wanted) == ["SO-NEVER", "SO-1", "SO-2"]
    assert {row["patient_id"] for row in read(desk.ask(path, headers=PURPOSE))} == {"P-1"}
    assert [row["order_id"] for row in read(desk.ask(path, wholesalers=["WD-2"]))] == ["SO-2"]
    assert desk.problem(path, "compliance-reader", headers=PURPOSE) == "not-permitted"
    said = sorted((row[1], row[2], row[7]) for row in desk.ledger.rows(tables.INQUIRY))
    assert said == [("export", "export_findings", "lemtrada")] * 3 + [("patients", "export_findings", "lemtrada")]


def test_what_needs_two_people_is_that_of_the_lists(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also page by page, whatever is read at once."""
    fill(desk, tmp_path)
    monkeypatch.setattr(two_people.Listed.walk, "__defaults__", (None, 2))
    for number in range(3):
        desk.act("/v1/site-aliases", json=ALIAS | {"address": ALIAS["address"] | {"street": f"{number} Quay"}}, person=f"u-{number}")
    withdraw(desk)
    for name in ("propose_correction", "complete_bypass", "propose_void"):
        asked(desk, name)
    said: dict[str, list[Any]] = {}
    for path, member in LISTS.items():
        said[member] = [one for page in pages(desk, f"/v1/{path}", member) for one in page]
        assert said[member], path
        assert lines(desk.ask(f"/v1/exports/{path}{'&' if '?' in path else '?'}format=jsonl")) == said[member]
        assert len(read(desk.ask(f"/v1/exports/{path}"))) == len(said[member])
    assert len(said["site_aliases"]) == 3
    assert [row["state"] for row in read(desk.ask("/v1/exports/site-aliases?state=approved"))] == []
    [row] = read(desk.ask("/v1/exports/bypasses?state=proposed"))
    assert (row["order_id"], "masked" in row["completion"], "P-" in row["completion"]) == ("SO-4", True, False)
    assert desk.problem("/v1/exports/refused-snapshots", wholesalers=["WD-001"]) == "not-permitted"
    assert {row[2] for row in desk.ledger.rows(tables.INQUIRY) if row[1] == "export"} == {
        "export_site_aliases", "export_bypasses", "export_refused_snapshots", "export_corrections", "export_voids",
    }  # fmt: skip

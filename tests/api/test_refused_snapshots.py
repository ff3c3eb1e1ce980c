"""The list of refused snapshots, while files are refused."""

from pathlib import Path

import pytest

from gatekeeper.errors import Unusable
from gatekeeper.registry.importing import Terms, import_file
from gatekeeper.registry.refused_files import Offered
from tests.api.desk import Desk
from tests.gate.ledger import NOON, RULES, WORLD
from tests.storage.snapshots import Silent, snapshot

PATH = "/v1/refused-snapshots?limit=1"


def offer(desk: Desk, folder: Path, sequence: int, person: str) -> None:
    """A file that loses a site."""
    path = folder / f"{sequence}.ndjson"
    facts = [fact for fact in WORLD if fact["program"] == "lemtrada" and fact.get("site_id") != "HF1"]
    snapshot(path, facts, snapshot="lemtrada", sequence=sequence, as_of=NOON.isoformat())
    with pytest.raises(Unusable, match="another person must confirm"):
        import_file(desk.engine, path, Terms(RULES.programs, 0), Silent(), Offered(None, person))


def test_a_file_that_is_refused_again_is_on_one_page(desk: Desk, tmp_path: Path) -> None:
    """By another person, between two pages: it stays where it was, and shows as it is by then."""
    desk.ledger.load()
    for sequence in (5001, 5002, 5003):
        offer(desk, tmp_path, sequence, "u-17")
    page = desk.answer(PATH)
    shown = page["snapshots"]
    offer(desk, tmp_path, 5001, "u-18")
    offer(desk, tmp_path, 5003, "u-18")
    while page["next"]:
        page = desk.answer(f"{PATH}&cursor={page['next']}")
        shown += page["snapshots"]
    assert [each["offered_by"] for each in shown] == ["u-17", "u-17", "u-18"]
    assert len({each["sha256"] for each in shown}) == 3

"""A loss is confirmed as it was told: counted again when it is confirmed, and asked again where it is another."""

import hashlib
import json
from pathlib import Path

import pytest

from gatekeeper.errors import Unusable
from gatekeeper.people.access import Person
from gatekeeper.registry.confirming import confirm
from gatekeeper.registry.importing import Loaded, Terms
from gatekeeper.storage import tables
from tests.registry.telling import Telling
from tests.storage.snapshots import PROGRAMS, Silent, load, site, snapshot

SITES = [site(number, sequence=number) for number in range(1, 10)]
TERMS = Terms(PROGRAMS, 10)
AGAIN = "by now, 2 of the 9 when it was refused"


@pytest.fixture
def lost(telling: Telling, tmp_path: Path) -> str:
    """The digest of a file that Ann offered, and that loses 2 of 9 sites."""
    load(telling.engine, snapshot(tmp_path / "1", SITES, sequence=10))
    return offer(telling, tmp_path)


def offer(telling: Telling, folder: Path) -> str:
    path = snapshot(folder / "2", SITES[2:], sequence=20)
    with pytest.raises(Unusable, match="of the"):
        load(telling.engine, path, loss_percent=10, person="ann")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def confirmed(telling: Telling, digest: str, by: str = "bob") -> Loaded:
    return confirm(telling.engine, digest, "It is so.", Person(by, by), TERMS, Silent())


def test_more_by_what_facts_said_meanwhile_is_told_and_asked_again(telling: Telling, lost: str) -> None:
    telling.tell(site(10, sequence=11))
    with pytest.raises(Unusable, match=f"3 of the 10 sites that are certified would vanish or lose certification {AGAIN}"):
        confirmed(telling, lost)
    assert len(telling.rows(tables.REGISTRY_LOAD)) == 1
    refused = [row for row in telling.rows(tables.ALERT) if row[1] == "registry_refused"]
    assert sorted("3 of the 10" in json.loads(row[3])["evidence"]["refused_because"] for row in refused) == [False, True]
    assert confirmed(telling, lost).certified.lost == 3


def test_less_by_what_facts_said_meanwhile_is_not(telling: Telling, lost: str) -> None:
    telling.tell(site(1, "decertified", sequence=11, effective_on="2025-02-01"))
    assert confirmed(telling, lost).certified == (8, 7, 1)


def test_other_sites_than_those_that_were_told_are_told_and_asked_again(telling: Telling, lost: str) -> None:
    """As many, but two that nobody was told of: the others are lost already."""
    for number in (1, 2):
        telling.tell(site(number, "suspended", sequence=10 + number, effective_on="2025-02-01"))
        telling.tell(site(76 + number, sequence=12 + number))
    with pytest.raises(Unusable, match=f"2 of the 9 .* {AGAIN}, HF-77, HF-78 not among those: "):
        confirmed(telling, lost)
    assert [row[1] for row in telling.rows(tables.FILE_LOST_SITES)] == [b"HF-1\nHF-2", b"HF-77\nHF-78"]
    assert confirmed(telling, lost).certified.lost == 2


def test_the_same_file_offered_when_it_would_lose_other_sites_is_on_record_again(telling: Telling, lost: str, tmp_path: Path) -> None:
    telling.tell(site(1, "suspended", sequence=11, effective_on="2025-02-01"), site(77, sequence=12))
    assert offer(telling, tmp_path) == lost
    assert [row[1] for row in telling.rows(tables.FILE_LOST_SITES)] == [b"HF-1\nHF-2", b"HF-2\nHF-77"]
    told = [json.loads(row[3])["evidence"] for row in telling.rows(tables.ALERT)]
    assert sorted(each["sites"] for each in told) == [["HF-1", "HF-2"], ["HF-2", "HF-77"]], "the sentence says 2 of 9 both times"
    assert {each["sites_in_all"] for each in told} == {2}
    offer(telling, tmp_path)
    assert len(telling.rows(tables.ALERT)) == 2
    assert confirmed(telling, lost).certified.lost == 2


def test_what_was_told_once_is_asked_again_when_it_is_more_again(telling: Telling, lost: str) -> None:
    for number in (10, 11):
        telling.tell(site(number, sequence=number + 1))
        with pytest.raises(Unusable, match="the registry has changed since"):
            confirmed(telling, lost)
    assert confirmed(telling, lost).certified.lost == 4
    assert [row[1:4] for row in telling.rows(tables.FILE_LOSS)] == [(2, 9, 10), (3, 10, 10), (4, 11, 10)]


def test_another_snapshot_with_the_same_loss_is_another(telling: Telling, lost: str, tmp_path: Path) -> None:
    load(telling.engine, snapshot(tmp_path / "3", SITES, sequence=15))
    with pytest.raises(Unusable, match=f"2 of the 9 sites that are certified would vanish or lose certification {AGAIN}"):
        confirmed(telling, lost)
    assert confirmed(telling, lost).certified.lost == 2


def test_a_file_that_is_offered_again_after_another_snapshot_is_counted_after_that(telling: Telling, lost: str, tmp_path: Path) -> None:
    load(telling.engine, snapshot(tmp_path / "3", SITES, sequence=15))
    assert offer(telling, tmp_path) == lost
    assert [row[3] for row in telling.rows(tables.FILE_LOSS)] == [10, 15]
    assert confirmed(telling, lost).certified.lost == 2


def test_the_same_offer_is_on_record_once(telling: Telling, lost: str, tmp_path: Path) -> None:
    assert offer(telling, tmp_path) == lost
    assert len(telling.rows(tables.FILE_LOSS)) == len(telling.rows(tables.REFUSED_FILE)) == 1

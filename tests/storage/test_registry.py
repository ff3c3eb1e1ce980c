"""What a snapshot does to the registry, and what it never does."""

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from gatekeeper.audit import Walked, walk
from gatekeeper.domain.facts import SiteFact, holding
from gatekeeper.errors import Unusable
from gatekeeper.registry.importing import Terms, compare_file
from gatekeeper.storage import chain, ledger, tables
from gatekeeper.storage.engine import transaction
from gatekeeper.storage.lookups import ask
from tests.storage.snapshots import PROGRAMS, Silent, Wire, load, patient, recall, registry, rows, site, snapshot

DAY = date(2025, 6, 1)
BEFORE, AFTER = date(2025, 5, 31), date(2025, 6, 2)


def asked(engine: Engine, *question: str) -> Any:
    with transaction(engine) as cursor:
        return ask(cursor, [question])[question].answer


def status(engine: Engine, number: int, day: date) -> str | None:
    fact: SiteFact | None = holding(asked(engine, "site", f"HF-{number}"), day)
    return fact and fact.status


def test_a_site_that_a_snapshot_leaves_out_is_unknown_from_its_day_on_and_known_before(engine: Engine, tmp_path: Path) -> None:
    load(engine, snapshot(tmp_path / "1", [site(1), site(2)], sequence=10, as_of="2025-05-01T12:00:00Z"))
    done = load(engine, snapshot(tmp_path / "2", [site(2)], sequence=11))

    assert done.difference == (0, 1, 0)
    assert [status(engine, 1, day) for day in (BEFORE, DAY, AFTER)] == ["certified", None, None]
    assert [status(engine, 2, day) for day in (BEFORE, DAY, AFTER)] == ["certified"] * 3


def test_the_day_of_a_snapshot_is_that_of_its_programs_zone(engine: Engine, tmp_path: Path) -> None:
    load(engine, snapshot(tmp_path / "1", [site(1)], sequence=10, as_of="2025-05-01T12:00:00Z"))
    load(engine, snapshot(tmp_path / "2", [], sequence=11, as_of="2025-06-02T03:59:59Z"))

    assert [status(engine, 1, day) for day in (BEFORE, DAY)] == ["certified", None]


def test_what_was_absent_counts_again_when_a_snapshot_has_it_again(engine: Engine, tmp_path: Path) -> None:
    for number, facts in enumerate(([site(1)], [], [site(1)])):
        done = load(engine, snapshot(tmp_path / "1", facts, sequence=10 + number))

    assert done.difference == (0, 0, 1)
    assert status(engine, 1, AFTER) == "certified"
    assert len(rows(engine, "fact")) == 1


def test_a_snapshot_as_of_an_earlier_day_moves_an_absence_to_that_day(engine: Engine, tmp_path: Path) -> None:
    load(engine, snapshot(tmp_path / "1", [site(1)], sequence=10))
    load(engine, snapshot(tmp_path / "2", [], sequence=11))
    load(engine, snapshot(tmp_path / "3", [], sequence=12, as_of="2025-05-20T12:00:00Z"))

    assert [status(engine, 1, day) for day in (date(2025, 5, 19), date(2025, 5, 20), DAY)] == ["certified", None, None]


def test_a_recall_stays_until_another_fact_changes_it(engine: Engine, tmp_path: Path) -> None:
    mode = {"fact": "program", "program": "lemtrada", "sequence": 2, "effective_on": "2025-01-01", "mode": "discretion"}
    load(engine, snapshot(tmp_path / "1", [recall("B1"), mode], sequence=10))
    load(engine, snapshot(tmp_path / "2", [], sequence=11))

    assert [holding(asked(engine, *question), AFTER) is None for question in (("recall", "lemtrada", "B1"), ("mode", "lemtrada"))] == [
        False,
        False,
    ]

    load(engine, snapshot(tmp_path / "3", [recall("B1", "lifted")], sequence=12))

    assert [holding(asked(engine, "recall", "lemtrada", "B1"), day).status for day in (BEFORE, DAY)] == ["recalled", "lifted"]  # type: ignore[union-attr]


def test_a_corrected_fact_takes_the_place_of_the_wrong_one(engine: Engine, tmp_path: Path) -> None:
    load(engine, snapshot(tmp_path / "1", [site(1)], sequence=10))
    load(engine, snapshot(tmp_path / "2", [site(1, "suspended")], sequence=11))

    assert [status(engine, 1, day) for day in (BEFORE, DAY)] == ["certified", "suspended"]


def test_a_snapshot_changes_only_the_kinds_that_it_covers_and_only_its_program(engine: Engine, tmp_path: Path) -> None:
    load(engine, snapshot(tmp_path / "1", [site(1), patient("P-1", sequence=2)], sequence=10))
    load(engine, snapshot(tmp_path / "2", [site(1, program="other")], sequence=10, snapshot="other"))
    load(engine, snapshot(tmp_path / "3", [], sequence=11, covers=["site"]))

    assert {fact.program for fact in asked(engine, "site", "HF-1") if fact.until is None} == {"other"}
    assert holding(asked(engine, "patient", "lemtrada", "P-1"), AFTER) is not None


def test_identifiers_lead_to_the_sites_that_some_fact_gives_them(engine: Engine, tmp_path: Path) -> None:
    shared = {"npi": ["1234567893"], "account": ["WD-1:7"]}
    load(
        engine,
        snapshot(tmp_path / "1", [site(1, identifiers=shared), site(2, identifiers=shared, sequence=2), site(3, sequence=3)], sequence=10),
    )
    load(engine, snapshot(tmp_path / "2", [site(1, identifiers=shared, sequence=4)], sequence=11))

    assert asked(engine, "identifier", "npi", "1234567893") == ("HF-1", "HF-2")
    assert asked(engine, "identifier", "account", "WD-1:7") == ("HF-1", "HF-2")


def test_the_same_line_twice_is_one_fact(engine: Engine, tmp_path: Path) -> None:
    assert load(engine, snapshot(tmp_path / "1", [site(1), site(1), site(1)], sequence=10)).difference.added == 1
    assert load(engine, snapshot(tmp_path / "2", [site(1), site(1)], sequence=11)).difference == (0, 0, 0)
    assert len(rows(engine, "fact")) == 1


def test_freshness_follows_the_snapshot_and_its_heartbeats_and_never_goes_back(engine: Engine, tmp_path: Path) -> None:
    def heartbeat(as_of: str) -> dict[str, Any]:
        return {"fact": "heartbeat", "program": "lemtrada", "sequence": 1, "as_of": as_of}

    fresh = []
    for number, (as_of, beat) in enumerate((("2025-06-01", "2025-06-03"), ("2025-06-02", "2025-06-01"), ("2025-06-04", "2199-01-01"))):
        path = snapshot(tmp_path / "1", [heartbeat(f"{beat}T12:00:00Z")], sequence=10 + number, as_of=f"{as_of}T12:00:00Z")
        load(engine, path)
        fresh.append(asked(engine, "as_of", "lemtrada").date().isoformat())

    assert fresh == ["2025-06-03", "2025-06-03", "2025-06-04"]
    assert rows(engine, "fact") == []


def test_what_a_load_added_is_bound_by_its_block(engine: Engine, tmp_path: Path) -> None:
    load(engine, snapshot(tmp_path / "1", [site(1), patient("P-1", sequence=2), site(2, sequence=3)], sequence=10))
    load(engine, snapshot(tmp_path / "2", [site(1, sequence=4)], sequence=11))
    loads, blocks = sorted(rows(engine, "registry_load")), sorted(rows(engine, "block"))

    assert [row[1] for row in loads] == [1, 2]
    for load_row in loads:
        facts = [(*row[:1], *row[2:]) for row in sorted(rows(engine, "fact")) if row[1] == load_row[0]]
        presences = [(row[0], *row[2:]) for row in sorted(rows(engine, "fact_presence")) if row[1] == load_row[0]]
        assert chain.facts_digest(facts + presences) == load_row[10]
    with transaction(engine) as cursor:
        tail = ledger.read_tail(cursor)
    previous = chain.GENESIS
    for row, block in zip(loads, blocks, strict=True):
        assert chain.block(block[0], block[1], row[1], {tables.REGISTRY_LOAD: [row]}, previous) == block
        previous = block[-1]
    assert (tail.block, tail.hash, tail.registry_version) == (2, previous, 2)


REFUSED: dict[str, tuple[list[Wire], dict[str, Any]]] = {
    "digest": ([site(1)], {"sha256": "0" * 64}),
    "count": ([site(1)], {"facts": 2}),
    "sequence as the last": ([site(1)], {"sequence": 10}),
    "sequence below the last": ([site(1)], {"sequence": 9}),
    "sequence below a fact": ([site(1, sequence=12)], {}),
    "fact unreadable": ([site(1), {"fact": "patient", "patient_id": "MARKER"}], {}),
    "other program": ([patient("MARKER") | {"program": "other"}], {}),
    "contradiction": ([patient("MARKER"), patient("MARKER", "withdrawn")], {}),
    "kind not covered": ([patient("MARKER")], {"covers": ["site"]}),
    "no header": ([patient("MARKER")], {"snapshot": None}),
    "header unreadable": ([patient("MARKER")], {"snapshot": "MARKER IN A HEADER"}),
    "of the future": ([], {"as_of": "2199-01-01T00:00:00Z"}),
    "loss": ([site(1)], {}),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_refused_changes_nothing_but_that_the_file_is_kept_and_an_alert_is_raised(engine: Engine, tmp_path: Path, why: str) -> None:
    load(engine, snapshot(tmp_path / "1", [site(1), site(2, sequence=2), recall("B1")], sequence=10))
    before = registry(engine)
    facts, header = REFUSED[why]
    path = snapshot(tmp_path / "2", facts, **({"sequence": 11} | header))

    for _ in range(2):
        with pytest.raises(Unusable) as refused:
            load(engine, path, loss_percent=49)

    assert "MARKER" not in str(refused.value)
    assert registry(engine) == before
    said = str(refused.value).replace(str(path), path.name)
    (alert,) = rows(engine, "alert")
    document = msgspec.json.decode(alert[3])
    assert (alert[1], alert[2], document["kind"], document["evidence"]["refused_because"]) == (
        "registry_refused", None, "registry_refused", said)  # fmt: skip
    assert str(tmp_path) not in said
    assert b"MARKER" not in alert[3]
    assert [(row[0], row[2]) for row in rows(engine, "outbox")] == [(1, alert[0])]
    content = path.read_bytes()
    (file,) = rows(engine, "refused_file")
    assert (file[1], file[3:6], file[7:9]) == (
        hashlib.sha256(content).hexdigest(), (said, len(content), len(content)), (False, None))  # fmt: skip
    assert [(row[0], row[1], row[2]) for row in rows(engine, "file_piece")] == [(file[1], 0, content)]
    with transaction(engine) as cursor:
        assert isinstance(walk(cursor.connection), Walked)


def test_a_file_that_is_not_there_is_wrong_use_and_no_alert(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(Unusable):
        load(engine, tmp_path / "missing")

    assert rows(engine, "alert") == []


@pytest.mark.parametrize(("lost", "refused"), [(1, False), (2, True)])
@pytest.mark.parametrize("how", ["vanished", "suspended"])
def test_a_tenth_of_the_certified_sites_may_go_and_not_one_more(engine: Engine, tmp_path: Path, how: str, lost: int, refused: bool) -> None:  # noqa: FBT001
    facts = [site(number, sequence=number) for number in range(1, 11)]
    # Neither a site that is not certified nor one that will only be counts.
    others = [site(20, "pending", sequence=20), site(21, sequence=21, effective_on="2150-01-01")]
    load(engine, snapshot(tmp_path / "1", facts + others, sequence=100))
    instead = [site(number, "suspended", sequence=50 + number) for number in range(1, lost + 1)] if how == "suspended" else []
    path = snapshot(tmp_path / "2", [site(30, sequence=30), *facts[lost:], *instead], sequence=101)

    if refused:
        with pytest.raises(Unusable, match="2 of the 10 sites"):
            load(engine, path, loss_percent=10)
    else:
        assert load(engine, path, loss_percent=10).certified == (10, 10, 1)


ADDRESS = {"street": "1 Main Street", "city": "Boston", "state": "MA", "postal_code": "02110"}
NO_LAST_DAY = {"valid_through": None}
ENDED: dict[str, tuple[Wire, str]] = {
    "its last day is over": ({"valid_through": "2020-01-01"}, "lapsed"),
    "two years of this program are over": ({"certified_on": "2001-01-01"} | NO_LAST_DAY, "lapsed"),
    "its first day is to come": ({"certified_on": "2150-01-01"}, "not yet valid"),
    "a class that may not receive": ({"class": "wholesaler"}, "of no allowed class"),
    "no address, with which nothing agrees": ({"address": None}, "without address"),
}
"""What makes the gate stop every line to a site that is still said to be certified."""


def certified(number: int, **more: Any) -> Wire:
    said = site(number, sequence=number, address=ADDRESS) | more
    return {name: value for name, value in said.items() if value is not None}


@pytest.mark.parametrize(("lost", "refused"), [(1, False), (2, True)])
@pytest.mark.parametrize("why", ENDED)
def test_sites_that_may_not_receive_any_more_are_lost(engine: Engine, tmp_path: Path, why: str, lost: int, refused: bool) -> None:  # noqa: FBT001
    """Of ten that may; of ten others the certificate is over already, and nobody loses those, or counts them."""
    over = [certified(number, valid_through="2020-01-01") for number in range(20, 30)]
    facts = [certified(number) for number in range(1, 11)]
    load(engine, snapshot(tmp_path / "1", facts + over, sequence=100))
    ended, word = ENDED[why]
    path = snapshot(
        tmp_path / "2", [*[certified(number, **ended) for number in range(1, lost + 1)], *facts[lost:], *over[:5]], sequence=101
    )

    compared = compare_file(engine, path, None, Terms(PROGRAMS, 10), Silent(), 10)
    assert compared.changes is not None
    assert [(change.was, change.becomes, change.sites) for change in compared.changes.sites] == [
        ("certified", word, lost), ("lapsed", None, 5)]  # fmt: skip
    assert compared.changes.lost.certified == (10, 10 - lost * (word != "without address"), lost)
    assert (compared.refused is not None) == refused
    if refused:
        with pytest.raises(Unusable, match="2 of the 10 sites"):
            load(engine, path, loss_percent=10)
    else:
        assert load(engine, path, loss_percent=10).certified.lost == 1


def test_sites_that_are_to_be_suspended_on_a_day_to_come_are_lost_once(engine: Engine, tmp_path: Path) -> None:
    facts = [site(number, sequence=number) for number in range(1, 11)]
    known = site(1, "suspended", sequence=11, effective_on="2150-01-01")
    load(engine, snapshot(tmp_path / "1", [*facts, known], sequence=100))
    renewed = site(2, sequence=12, effective_on="2150-01-01")
    told = [site(number, "suspended", sequence=20 + number, effective_on="2150-01-02") for number in (3, 4)]
    path = snapshot(tmp_path / "2", [*facts, known, renewed, *told], sequence=101)

    compared = compare_file(engine, path, None, Terms(PROGRAMS, 10), Silent(), 10)
    assert compared.changes is not None
    assert compared.changes.sites == (("certified", "suspended from 2150-01-02", 2, ["HF-3", "HF-4"]),)
    assert compared.changes.lost.certified == (10, 10, 2)
    with pytest.raises(Unusable, match="2 of the 10 sites"):
        load(engine, path, loss_percent=10)
    assert load(engine, snapshot(tmp_path / "3", [*facts, known, renewed, told[0]], sequence=101), loss_percent=10).certified.lost == 1


def test_a_site_whose_only_fact_is_to_come_is_lost_today(engine: Engine, tmp_path: Path) -> None:
    load(engine, snapshot(tmp_path / "1", [site(1)], sequence=10))
    with pytest.raises(Unusable, match="1 of the 1 sites"):
        load(engine, snapshot(tmp_path / "2", [site(1, effective_on="2150-01-01")], sequence=11), loss_percent=10)


def test_sites_are_not_lost_unseen_because_a_snapshot_speaks_of_a_day_before_they_were_certified(engine: Engine, tmp_path: Path) -> None:
    load(engine, snapshot(tmp_path / "1", [site(1)], sequence=10))
    before = registry(engine)
    with pytest.raises(Unusable, match="1 of the 1 sites"):
        load(engine, snapshot(tmp_path / "2", [], sequence=11, as_of="2020-01-01T12:00:00Z"), loss_percent=10)
    assert registry(engine) == before

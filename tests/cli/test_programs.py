"""`gatekeeper programs` as a person types it: what was understood of a file, what is in force, and what the doctor says of it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gatekeeper.cli import main
from gatekeeper.clock import now
from gatekeeper.messages import written
from gatekeeper.programs import BUILT_IN, MORE
from gatekeeper.storage.engine import migrate, open_engine
from tests.storage.snapshots import load, site, snapshot

LEMTRADA = BUILT_IN / "lemtrada.toml"
TEXT = LEMTRADA.read_text(encoding="utf-8")
DIGEST = hashlib.sha256(LEMTRADA.read_bytes()).hexdigest()
Typed = Callable[..., tuple[int, list[str]]]
AUTHORIZATION = {
    "fact": "authorization", "program": "lemtrada", "sequence": 1, "effective_on": "2025-01-01", "authorization_id": "AU-1",
    "status": "authorized", "patient_id": "P-1", "prescriber_id": "PR-1", "administering_site_id": "HF-1", "units": 5,
    "valid_from": "2025-01-01", "valid_through": "2025-12-31",
}  # fmt: skip


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Typed:
    """Types a command, without a ledger unless one is named, and gives its exit status and the lines it said."""

    def run(*words: str | Path, **environment: str) -> tuple[int, list[str]]:
        with monkeypatch.context() as patched:
            for name, text in ({"home": str(tmp_path / "none")} | environment).items():
                patched.setenv(f"GATEKEEPER_{name.upper()}", text)
            with pytest.raises(SystemExit) as ended:
                main([str(word) for word in words], prog_name="gatekeeper")
        said = capsys.readouterr()
        return int(ended.value.code or 0), (said.out + said.err).splitlines()

    return run


@pytest.fixture
def engine(database_url: str) -> Engine:
    engine = open_engine(database_url)
    migrate(engine)
    return engine


def changed(folder: Path, old: str, new: str) -> Path:
    assert TEXT.count(old) == 1
    path = folder / "rules.toml"
    path.write_text(TEXT.replace(old, new), encoding="utf-8")
    return path


def test_what_was_understood(typed: Typed) -> None:
    status, lines = typed("programs", "check", LEMTRADA)
    assert status == 0
    assert lines[:2] == ["lemtrada.toml can be used: lemtrada, version 2026-11-01.", f"Digest: {DIGEST}"]
    assert "Covered: 58468-0200-01, GTIN 00358468020017, LEMTRADA 12 mg/1.2 mL, in vial" in lines
    assert "Watched: 58468-0200" in lines
    assert "May receive: pharmacy, healthcare facility" in lines
    assert "Patients: each line's patient must be enrolled and authorized, by the registry (authorized)" in lines
    assert lines[-1] == "In force: from 2014-11-14, the day in America/New_York."


@pytest.mark.parametrize("file", [LEMTRADA, *sorted(MORE.glob("*.toml"))], ids=lambda path: path.stem)
def test_every_file_that_comes_along_can_be_used(typed: Typed, file: Path) -> None:
    assert typed("programs", "check", file)[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("in_force_from = 2014-11-14", "", "rules.toml: in_force_from is missing."),
        ("transit_days = 1", "transit_days = 1\ncolour = 1", "rules.toml: colour is not a key of the program rules."),
        ('"58468-0200-1"', '"5846802001"', "rules.toml: packages[0].ndc must be an NDC with hyphens."),
        ('name = "lemtrada"', "name = ", "rules.toml is not TOML: Invalid value (at line 6, column 8)."),
        (
            "[[packages]]",
            "[[packages]]\n" + TEXT.split("[[packages]]")[1] + "[[packages]]",
            "rules.toml: ndc 058468020001 stands in rules.toml already.",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_the_place(typed: Typed, tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert typed("programs", "check", changed(tmp_path, old, new)) == (2, [sentence])


def test_several_files_and_a_folder_are_read_together(typed: Typed, tmp_path: Path) -> None:
    """A folder stands for its files; what two of them say at odds is refused, as where the gate reads them."""
    files = sorted(MORE.glob("*.toml"))
    status, lines = typed("programs", "check", LEMTRADA, MORE)
    assert status == 0
    said = [line.partition(" can be used")[0] for line in lines if " can be used: " in line]
    assert said == ["lemtrada.toml", *(file.name for file in files)]
    assert typed("programs", "check", LEMTRADA, *files) == (status, lines)
    since = "rules of lemtrada that hold from 2014-11-14 on stand in"
    again = changed(tmp_path, "transit_days = 1", "transit_days = 2")
    assert typed("programs", "check", LEMTRADA, again) == (2, [f"rules.toml: {since} lemtrada.toml already."])


def test_every_file_that_is_wrong_is_named(typed: Typed, tmp_path: Path) -> None:
    changed(tmp_path, "transit_days = 1", "").rename(tmp_path / "a.toml")
    changed(tmp_path, "whole_order = false", "").rename(tmp_path / "c.toml")
    (tmp_path / "b.toml").write_text(TEXT, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    empty = f"The folder of program rules {tmp_path / 'empty'} holds no .toml file."
    missing = ["a.toml: transit_days is missing.", "c.toml: whole_order is missing."]
    assert typed("programs", "check", tmp_path, tmp_path / "empty") == (2, [*missing, empty])
    assert typed("programs", "check")[0] == 2


def test_a_file_that_is_not_there(typed: Typed, tmp_path: Path) -> None:
    assert typed("programs", "check", tmp_path / "none.toml") == (
        2,
        [f"{tmp_path / 'none.toml'} cannot be read: No such file or directory."],
    )


def test_rules_that_hold_later_and_no_longer(typed: Typed, tmp_path: Path) -> None:
    _, later = typed("programs", "check", changed(tmp_path, "2014-11-14", "2199-01-01"))
    assert later[-1].startswith(
        "Not yet: until 2199-01-01 nothing is restricted by this file; another version of lemtrada must hold until then."
    )
    _, over = typed("programs", "check", MORE / "macitentan.toml")
    assert over[-1] == "No longer: since 2025-04-03 nothing is restricted by this file."
    _, unwatched = typed("programs", "check", changed(tmp_path, 'watched = ["58468-0200"]', "watched = []"))
    assert unwatched[-1] == "Heed: 58468-0200 is covered, but not watched: another package of it is not restricted."


def test_what_is_in_force(typed: Typed) -> None:
    status, lines = typed("programs", "list")
    assert status == 0
    assert lines[:2] == ["In force now:", f"  lemtrada 2026-11-01, from 2014-11-14, {LEMTRADA}, {DIGEST}"]
    assert [line.split()[-6] for line in lines[2:4]] == ["isotretinoin.", "macitentan."]
    assert lines[-1] == "There is no ledger yet, so that no registry has been loaded: every line of their products is held."


def test_what_is_prepared_and_over(typed: Typed, tmp_path: Path) -> None:
    changed(tmp_path, "2014-11-14", "2199-01-01").rename(tmp_path / "b.toml")
    status, lines = typed("programs", "list", programs=str(tmp_path), programs_added="macitentan")
    assert status == 0
    assert lines[0] == "No rules are in force now: nothing is restricted."
    assert lines[1:3] == ["Prepared:", f"  lemtrada 2026-11-01, from 2199-01-01, {tmp_path / 'b.toml'}, {lines[2].split()[-1]}"]
    assert lines[3] == "Over:"
    assert lines[4].startswith("  macitentan 2026-11-21, from 2021-04-06 through 2025-04-02, ")
    assert lines[5] == "No rules of lemtrada hold yet: until its first ones do, nothing restricts its products."
    (tmp_path / "a.toml").write_text(TEXT, encoding="utf-8")
    _, lines = typed("programs", "list", programs=str(tmp_path))
    assert [line.split(",")[0] for line in lines[:4]] == ["In force now:", "  lemtrada 2026-11-01", "Prepared:", "  lemtrada 2026-11-01"]
    assert not any("hold yet" in line for line in lines)


def test_what_the_registries_lack(typed: Typed, database_url: str, engine: Engine, tmp_path: Path) -> None:
    isotretinoin = "No snapshot of isotretinoin has been loaded: every line of its products is held."
    given = {"database_url": database_url, "programs_added": "isotretinoin"}
    assert typed("programs", "list", **given)[1][-2:] == [
        isotretinoin,
        "No snapshot of lemtrada has been loaded: every line of its products is held.",
    ]
    path = tmp_path / "facts.ndjson"
    load(engine, snapshot(path, [site(1)], sequence=1, as_of=written(now())))
    asked = "The rules of lemtrada ask for authorizations and its registry holds none: every line of its products is held."
    lines = typed("programs", "list", **given)[1]
    assert (lines[-2], lines[-1].partition(" Where")[0]) == (isotretinoin, asked)
    doctor = typed("doctor", **given)[1]
    [heeded] = [line for line in doctor if line.startswith("heed   registries ")]
    assert heeded.startswith(f"heed   registries   {isotretinoin} {asked}")
    assert [line for line in doctor if " programs " in line] == [
        "good   programs     Rules are in force for isotretinoin 2026-11-21, lemtrada 2026-11-01."
    ]
    for sequence, facts, holds_none in ((2, [site(1), AUTHORIZATION], 0), (3, [site(1)], 1), (4, [site(1), AUTHORIZATION], 0)):
        load(engine, snapshot(path, facts, sequence=sequence, as_of=written(now())))
        assert sum(asked in line for line in typed("programs", "list", **given)[1]) == holds_none
    engine.dispose()


def test_a_ledger_that_is_away(typed: Typed) -> None:
    status, lines = typed("programs", "list", database_url="postgresql://gate:hush@127.0.0.1:1/x")
    assert status == 0
    assert lines[-1].startswith("What the registries hold is not known: ")
    assert "hush" not in lines[-1]


def test_decide_takes_the_rules_of_its_instant(typed: Typed, tmp_path: Path) -> None:
    changed(tmp_path, "2014-11-14", "2026-11-20").rename(tmp_path / "a.toml")
    facts, orders = tmp_path / "facts.ndjson", tmp_path / "orders.ndjson"
    facts.write_bytes(b"")
    ordered = (
        '{"order_id":"1","wholesaler_id":"W","ordered_at":"2026-11-19T10:00:00Z","ship_on":"2026-11-23","ship_from":{"site_id":"D"},'
        '"ship_to":{"rems_site_id":"X","address":{"street":"1 A St","city":"B","state":"MA","postal_code":"02110"}},'
        '"lines":[{"line":1,"product":{"ndc":"58468-0200-1"},"quantity":1}]}'
    )
    orders.write_text(ordered, encoding="utf-8")
    decide = ("decide", "--registry", facts, orders, "--at")
    [before] = typed(*decide, "2026-11-20T04:59:59Z", programs=str(tmp_path))[1]
    [after] = typed(*decide, "2026-11-20T05:00:00Z", programs=str(tmp_path))[1]
    assert ('"outcome":"not_covered"' in before, '"site_unknown"' in after) == (True, True)

"""`gatekeeper site-alias`, as the people who propose and those who approve type it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gatekeeper import clock
from gatekeeper.storage.engine import migrate, open_engine
from tests.cli.conftest import Said, Typing
from tests.storage.snapshots import load, rows, site, snapshot

THROUGH = (clock.now() + timedelta(days=400)).date().isoformat()
PROPOSE = ("site-alias", "propose", "--program", "lemtrada", "--site", "HF-1", "--wholesaler", "WD-001", "--through", THROUGH)
EVIDENCE = ("--evidence", "Their letter of 3 May.")
ACCOUNT = (*PROPOSE, *EVIDENCE, "--account", "777")
PLACE = ("--street", "First Pavilion", "--city", "Boston", "--state", "MA", "--postal-code", "02110")
REASON = ("--reason", "Seen too.")


@pytest.fixture
def engine(database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """A ledger whose registry knows HF-1 and HF-2."""
    engine = open_engine(database_url)
    migrate(engine)
    load(engine, snapshot(tmp_path / "facts.ndjson", [site(1), site(2, sequence=2)], sequence=2))
    yield engine
    engine.dispose()


def id_of(said: Said) -> str:
    assert said.status == 0
    return said.out.split()[0]


def counted(engine: Engine, *tables: str) -> list[int]:
    return [len(rows(engine, table)) for table in tables]


def test_from_a_proposal_to_its_end(as_person: Typing, engine: Engine) -> None:
    proposed = as_person("u-1", *ACCOUNT)
    name = id_of(proposed)
    about = f"account 777 of HF-1 (lemtrada) for WD-001, until {THROUGH}"
    assert proposed.out == f"{name} is proposed by u-1: {about}. Another person must approve it before it counts.\n"
    assert as_person("u-2", "site-alias", "approve", name, *REASON).out == f"{name} is approved by u-2: {about}.\n"
    assert as_person("u-3", "site-alias", "withdraw", name, "--reason", "It was closed.").out == f"{name} is withdrawn by u-3: {about}.\n"
    shown = [line.split(" ", 5) for line in as_person(None, "site-alias", "list").out.splitlines()]
    assert shown[0][:5] == [name, "", "withdrawn", "", "account"]
    assert [(line[4], line[5].split(" ", 1)[1]) for line in shown[1:]] == [
        ("proposed", "by u-1: Their letter of 3 May."),
        ("approved", "by u-2: Seen too."),
        ("withdrawn", "by u-3: It was closed."),
    ]
    assert counted(engine, "site_alias", "site_alias_decision", "registry_batch") == [1, 2, 2]
    assert as_person(None, "verify").status == 0


@pytest.mark.usefixtures("engine")
def test_an_address_is_proposed(as_person: Typing) -> None:
    said = as_person("u-1", *PROPOSE, *EVIDENCE, *PLACE, "--street2", "Ste 4")
    assert f": address First Pavilion, Ste 4, Boston, MA, 02110 of HF-1 (lemtrada) for WD-001, until {THROUGH}. Another" in said.out


@pytest.mark.usefixtures("engine")
def test_the_list_may_be_of_some(as_person: Typing) -> None:
    first, second = id_of(as_person("u-1", *ACCOUNT)), id_of(as_person("u-1", *ACCOUNT, "--site", "HF-2", "--wholesaler", "WD-002"))
    for words, wanted in (
        ((), [first, second]),
        (("--site", "HF-1"), [first]),
        (("--wholesaler", "WD-002"), [second]),
        (("--program", "lemtrada", "--site", "HF-2"), [second]),
    ):
        lines = as_person(None, "site-alias", "list", *words).out.splitlines()
        assert [line.split()[0] for line in lines if not line.startswith(" ")] == wanted
    assert as_person(None, "site-alias", "list", "--program", "other").out == "There are no such aliases.\n"


def test_nobody_approves_what_he_proposed(as_person: Typing, engine: Engine) -> None:
    name = id_of(as_person("u-1", *ACCOUNT))
    assert as_person("u-1", "site-alias", "approve", name, *REASON) == (2, "", "Another person must approve what u-1 proposed.\n")
    assert counted(engine, "registry_batch", "site_alias_decision") == [0, 0]


def test_what_is_refused_never_counts(as_person: Typing, engine: Engine) -> None:
    name = id_of(as_person("u-1", *ACCOUNT))
    assert as_person("u-1", "site-alias", "refuse", name, *REASON).out.startswith(f"{name} is refused by u-1: ")
    for step in ("approve", "refuse"):
        assert as_person("u-2", "site-alias", step, name, *REASON) == (2, "", f"{name} is refused already, by u-1.\n")
    withdrawn = as_person("u-2", "site-alias", "withdraw", name, *REASON)
    assert withdrawn == (2, "", f"{name} is refused: there is nothing to withdraw.\n")
    assert counted(engine, "registry_batch", "fact_presence") == [0, 0]
    assert id_of(as_person("u-1", *ACCOUNT)) != name


@pytest.mark.usefixtures("engine")
def test_the_same_is_not_proposed_twice(as_person: Typing) -> None:
    name = id_of(as_person("u-1", *ACCOUNT))
    assert as_person("u-2", *ACCOUNT) == (2, "", f"This is proposed already, as {name}, by u-1.\n")
    as_person("u-2", "site-alias", "approve", name, *REASON)
    assert as_person("u-1", *ACCOUNT) == (2, "", f"This is approved already, as {name}, by u-2.\n")
    as_person("u-1", "site-alias", "withdraw", name, *REASON)
    assert as_person("u-1", *ACCOUNT).status == 0


LAST = (clock.now() + timedelta(days=735)).date().isoformat()
YESTERDAY = (clock.now() - timedelta(days=2)).date().isoformat()
OF_A_REASON = "The reason must be a text of 1 to 1000 characters on one line."
OF_EVIDENCE = "The evidence must be a text of 1 to 1000 characters on one line."
OF_DAY = "--through must be a day, written YYYY-MM-DD."
OF_PARTS = "Each part of the address must be a text of 1 to 200 characters on one line."
OF_PLACE = "The address must name a place: letters or digits in its street, and five digits in its postal code."


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((*PROPOSE, *EVIDENCE), "An alias is one account or one address of the site, not both and not neither."),
        ((*ACCOUNT, *PLACE), "An alias is one account or one address of the site, not both and not neither."),
        ((*PROPOSE, *EVIDENCE, "--street", "First Pavilion"), "An address needs --city too."),
        ((*PROPOSE, *EVIDENCE, *PLACE, "--street", "..."), OF_PLACE),
        ((*PROPOSE, *EVIDENCE, *PLACE, "--street", "#"), OF_PLACE),
        ((*PROPOSE, *EVIDENCE, *PLACE, "--postal-code", "0211"), OF_PLACE),
        ((*PROPOSE, *EVIDENCE, *PLACE, "--street", "x" * 201), OF_PARTS),
        ((*PROPOSE, *EVIDENCE, *PLACE, "--city", "a\nb"), OF_PARTS),
        ((*ACCOUNT, "--account", "7:7"), "The account must be 1 to 64 characters of A-Z, a-z, 0-9 and . _ -."),
        ((*ACCOUNT, "--account", ""), "The account must be 1 to 64 characters of A-Z, a-z, 0-9 and . _ -."),
        ((*ACCOUNT, "--wholesaler", "WD:1"), "The wholesaler must be 1 to 64 characters of A-Z, a-z, 0-9 and . _ -."),
        ((*ACCOUNT, "--site", "x" * 65), "The site must be 1 to 64 characters of A-Z, a-z, 0-9 and . _ - :."),
        ((*ACCOUNT, "--site", "HF-9"), "HF-9 is not known to the registry of lemtrada: an alias is of a known site."),
        ((*ACCOUNT, "--program", "other"), "There are no rules of other here; there are of lemtrada."),
        ((*ACCOUNT, "--evidence", " "), OF_EVIDENCE),
        ((*ACCOUNT, "--evidence", "x" * 1001), OF_EVIDENCE),
        ((*ACCOUNT, "--evidence", "a\x1bb"), OF_EVIDENCE),
        ((*ACCOUNT, "--through", "20270101"), OF_DAY),
        ((*ACCOUNT, "--through", "2027-02-29"), OF_DAY),
        ((*ACCOUNT, "--through", LAST), "The alias's last day must be between today, "),
        ((*ACCOUNT, "--through", YESTERDAY), "The alias's last day must be between today, "),
        (PROPOSE, "Missing option '--evidence'."),
        (("site-alias", "approve", "x", *REASON), "The alias must be named by its id, as `gatekeeper site-alias list` shows it."),
        (("site-alias", "refuse", f"{0:032}", *REASON), "There is no alias 00000000-0000-0000-0000-000000000000."),
        (("site-alias", "withdraw", f"{0:032}", *REASON), "There is no alias 00000000-0000-0000-0000-000000000000."),
        (("site-alias", "approve", f"{0:032}", "--reason", " "), OF_A_REASON),
        (("site-alias", "approve", f"{0:032}"), "Missing option '--reason'."),
    ],
)
def test_misuse_is_one_sentence(as_person: Typing, engine: Engine, words: tuple[str, ...], sentence: str) -> None:
    status, out, said = as_person("u-1", *words)
    assert (status, out, said.count("\n")) == (2, "", 1)
    assert said.startswith(sentence)
    assert counted(engine, "site_alias", "site_alias_decision") == [0, 0]


@pytest.mark.usefixtures("engine")
def test_it_may_last_from_today_for_two_years(as_person: Typing) -> None:
    day = as_person("u-1", *ACCOUNT, "--through", YESTERDAY).err.split("between today, ")[1]
    first, last = day.split(", and ")[0], day.split(", and ")[1].split(",")[0]
    for through in (first, last):
        assert as_person("u-1", *ACCOUNT, "--through", through, "--account", f"to-{through}").status == 0


@pytest.mark.usefixtures("engine")
def test_nobody_acts_without_a_token(as_person: Typing) -> None:
    for words in (ACCOUNT, *(("site-alias", step, f"{0:032}", *REASON) for step in ("approve", "refuse", "withdraw"))):
        said = as_person(None, *words)
        assert said == (2, "", "This command acts for a person: GATEKEEPER_TOKEN must hold that person's token.\n")

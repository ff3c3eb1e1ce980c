"""A command that acts for a person asks for the permission that the same call over HTTP asks for."""

import hashlib
from pathlib import Path
from uuid import UUID

import pytest

from gatekeeper.storage.engine import migrate, open_engine
from tests.cli.conftest import LEAD, Typing
from tests.cli.test_registry_confirm import REASON, SITES
from tests.storage.snapshots import snapshot

NAME = UUID(int=1)
ALIAS = (
    "--program", "lemtrada", "--site", "HF-1", "--wholesaler", "WD-1", "--account", "7", "--through", "2027-01-01", "--evidence", "Seen.",
)  # fmt: skip
COMMANDS: dict[tuple[object, ...], str] = {
    ("registry", "confirm", "0" * 64): "snapshots.confirm",
    ("site-alias", "propose", *ALIAS): "site-aliases.propose",
    ("site-alias", "approve", NAME): "site-aliases.approve",
    ("site-alias", "refuse", NAME): "site-aliases.approve",
    ("site-alias", "withdraw", NAME): "site-aliases.propose",
    ("bypass", "complete", NAME, "FILE"): "bypasses.propose",
    ("bypass", "approve", NAME): "bypasses.approve",
    ("bypass", "refuse", NAME): "bypasses.approve",
    ("feed", "show", NAME): "records.read",
    ("feed", "correct", "propose", NAME, "FILE"): "corrections.propose",
    ("feed", "correct", "approve", NAME): "corrections.approve",
    ("feed", "correct", "refuse", NAME): "corrections.approve",
    ("feed", "void", "propose", NAME): "voids.propose",
    ("feed", "void", "approve", NAME): "voids.approve",
    ("feed", "void", "refuse", NAME): "voids.approve",
    ("feed", "resend", "--program", "lemtrada", "1"): "orders.publish",
    ("set-aside", "shipment-orders", "0", "7"): "messages.set-aside",
}
OTHERS = "This is of a program or a wholesaler for which the token is not (its claims programs and wholesalers).\n"


@pytest.fixture(autouse=True)
def migrated(database_url: str) -> None:
    engine = open_engine(database_url)
    migrate(engine)
    engine.dispose()


def typed(words: tuple[object, ...], file: Path) -> list[object]:
    file.write_text('{"lot": "A1"}')
    reason = () if words[:2] in {("feed", "show"), ("site-alias", "propose")} else REASON
    return [*(file if word == "FILE" else word for word in words), *reason]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(map(str, words[:3])))
def test_without_the_permission_nothing_is_done(as_person: Typing, tmp_path: Path, words: tuple[object, ...]) -> None:
    for roles in (["order-system"], []):
        said = as_person("bob", *typed(words, tmp_path / "a.json"), claims=LEAD | {"roles": roles})
        assert said == (2, "", f"This command needs the permission {COMMANDS[words]}, which no role of the token grants.\n")


def test_a_patient_is_shown_to_whom_patients_are_shown(as_person: Typing) -> None:
    said = as_person("bob", "feed", "show", NAME, claims=LEAD | {"roles": ["auditor"]})
    assert said == (2, "", "This command needs the permission patients.read, which no role of the token grants.\n")


@pytest.mark.parametrize("limits", [{"programs": ["other"]}, {"wholesalers": ["WD-1"]}, {"programs": []}])
def test_a_registry_is_of_every_wholesaler(as_person: Typing, tmp_path: Path, limits: dict[str, list[str]]) -> None:
    as_person(None, "registry", "import", snapshot(tmp_path / "1", SITES, sequence=10))
    lossy = snapshot(tmp_path / "2", SITES[2:], sequence=20)
    as_person("ann", "registry", "import", lossy)
    digest = hashlib.sha256(lossy.read_bytes()).hexdigest()
    assert as_person("bob", "registry", "confirm", digest, *REASON, claims=LEAD | limits) == (2, "", OTHERS)
    assert as_person("bob", "registry", "confirm", digest, *REASON).status == 0


@pytest.mark.parametrize("limits", [{"programs": ["other"]}, {"wholesalers": ["WD-2"]}])
def test_an_alias_is_of_its_program_and_its_wholesaler(as_person: Typing, tmp_path: Path, limits: dict[str, list[str]]) -> None:
    as_person(None, "registry", "import", snapshot(tmp_path / "1", SITES, sequence=10))
    assert as_person("ann", "site-alias", "propose", *ALIAS, claims=LEAD | limits) == (2, "", OTHERS)
    name = as_person("ann", "site-alias", "propose", *ALIAS).out.split()[0]
    for step in ("approve", "refuse", "withdraw"):
        assert as_person("bob", "site-alias", step, name, *REASON, claims=LEAD | limits) == (2, "", OTHERS)


def test_a_message_is_of_nobody_known(as_person: Typing) -> None:
    for limits in ({"programs": ["lemtrada"]}, {"wholesalers": ["WD-1"]}):
        assert as_person("bob", "set-aside", "shipment-orders", "0", "7", *REASON, claims=LEAD | limits) == (2, "", OTHERS)

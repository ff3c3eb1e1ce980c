"""One name, planted as a patient's everywhere in messages and registry files: nowhere in what is logged, measured, refused or raised."""

import json
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from sqlalchemy import event

from consumers.kafka.log import Message
from consumers.orders import OrderGate
from gatekeeper.domain import verdict
from gatekeeper.domain.checks import CHECKS
from gatekeeper.domain.covered_line import CoveredLine
from gatekeeper.errors import Halt, TryAgain, Unusable
from gatekeeper.metrics import REGISTRY
from gatekeeper.registry.importing import Terms, import_file
from gatekeeper.rules import RuleBook
from gatekeeper.storage import tables
from gatekeeper.storage.engine import open_engine
from tests.consumers.place import ORDERS, PATIENCE_S, Place
from tests.gate.ledger import RULES, Ledger, order
from tests.real.database import Database
from tests.real.waiting import wait_until
from tests.schemas.messages import FACTS, HEADER, ORDER, encoded, places, with_value
from tests.storage.snapshots import Silent, snapshot

NAME = "Zq7-Doe"
SIGNS: tuple[Any, ...] = (NAME, NAME * 40, f"{NAME}\u0000", [NAME], {NAME: NAME}, f"jane {NAME.lower()}")
OF_PEOPLE = ("patient_id", "authorization_id", "prescriber_id")


def planted() -> Iterator[bytes]:
    """Orders with the name as value, in a list, as the name of a member, in rubbish, and beside what is known."""
    for number, place in enumerate(places(ORDER)):
        for sign in SIGNS:
            yield encoded(with_value(ORDER | {"order_id": f"SO-{number}"}, place, sign))
    for holder in ("", "/ship_to", "/ship_to/address", "/lines/0", "/lines/0/patient", "/lines/0/product"):
        yield encoded(with_value(ORDER, f"{holder}/{NAME}", 1))
        yield encoded(with_value(ORDER, f"{holder}/patient", NAME))
    whole = encoded(ORDER)
    yield from (NAME.encode(), whole + NAME.encode(), NAME.encode() + b"\xff", whole.replace(b"P-1", NAME.encode() + b"\\ud800"))
    yield whole.replace(b'"revision":', f'"{NAME}":1,"{NAME}":2,"revision":'.encode())


@pytest.fixture
def silent(postgres: Database, capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Whatever the test does: afterwards the name is neither in what was written, nor in the metrics, nor in the database's log."""
    log = postgres.folder / "database.log"
    before = log.stat().st_size
    yield
    written = capsys.readouterr()
    said = {
        "standard error": written.err, "standard output": written.out, "metrics": generate_latest(REGISTRY).decode(),
        "the database's log": log.read_bytes()[before:].decode(errors="replace"),
    }  # fmt: skip
    assert [where for where, words in said.items() if NAME.lower() in words.lower()] == []


@pytest.mark.usefixtures("silent")
def test_orders_with_a_name_everywhere_are_answered_and_name_nobody(place: Place, ledger: Ledger) -> None:
    """Also where the key and the headers of the message are the name: no refusal, alert, header nor key of ours repeats it."""
    messages = list(planted())
    place.start()
    place.send(messages, key=NAME.encode(), headers=[(NAME, NAME.encode()), ("patient", NAME.encode())])
    wait_until(lambda: len(ledger.rows(tables.ARRIVAL)) == len(messages), PATIENCE_S, "all are judged")
    kept = {table: ledger.rows(table) for table in (tables.EXAMINATION, tables.DISTRIBUTION_RECORD, tables.REFUSAL, tables.ALERT)}
    answers = sum(answer is not None for row in kept.pop(tables.EXAMINATION) for answer in row[10:12])
    place.wait_for_all(answers + sum(map(len, kept.values())))

    for topic, message in place.said:
        where = [topic, *(str(header) for header in message.headers() or [])]
        if topic in {"refused-messages", "compliance-alerts"}:
            where.append((message.value() or b"").decode())
        assert NAME.lower() not in " ".join(where).lower()


@pytest.mark.usefixtures("silent")
def test_who_the_patient_is_stands_in_the_record_alone(place: Place) -> None:
    """Released, stopped, contradicted or withdrawn: whom a line is for is told to the REMS, and to nobody else."""
    place.start()
    for number, member in enumerate(OF_PEOPLE):
        named = {f"/lines/0/patient/{member}": NAME}
        place.send([order(f"SO-{number}", named), order(f"SO-{number}", named | {"/lines/0/quantity": 1})], partition=0)
    stopped = place.wait_for("shipments-stopped", 6)
    assert not any(NAME in (each.value() or b"").decode() for each in stopped)


def broken(case: CoveredLine) -> None:
    raise ValueError(case)


def raised(gate: OrderGate, messages: list[bytes], kind: type[Exception]) -> str:
    """What the exception shows, as text, as an object, and as Python prints it."""
    with pytest.raises(kind) as caught:
        gate.handle([Message(0, offset, message) for offset, message in enumerate(messages)])
    sys.stderr.write("".join(traceback.format_exception(caught.value)))
    return f"{caught.value} {caught.value!r}"


@pytest.mark.usefixtures("silent")
def test_what_is_raised_names_nobody(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that raises, a database that refuses, is cut off or takes too long: no exception says whom the message was about."""
    messages = [order(f"SO-{number}", dict.fromkeys((f"/lines/0/patient/{member}" for member in OF_PEOPLE), NAME)) for number in range(50)]
    gate = OrderGate(ledger.engine, ORDERS, lambda: "the topic", RuleBook.read())
    gate.starts([])

    with monkeypatch.context() as patched:
        patched.setattr(verdict, "CHECKS", (("product_unknown", broken), *CHECKS))
        assert NAME not in raised(gate, messages, Halt)
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE examination ADD CONSTRAINT refuses CHECK (stopped IS NULL)")
    assert NAME not in raised(gate, messages, Halt)

    hurried = open_engine(ledger.url)
    event.listen(hurried, "connect", lambda connection, _: connection.execute("SET statement_timeout = '1ms'") and connection.commit())
    assert NAME not in raised(OrderGate(hurried, ORDERS, lambda: "the topic", RuleBook.read()), messages * 40, TryAgain)
    hurried.dispose()


@pytest.mark.usefixtures("silent")
def test_a_registry_file_with_a_name_everywhere_names_nobody(ledger: Ledger, tmp_path: Path) -> None:
    """Loaded or refused: the sentence, the alert and the database's log do not repeat it."""
    refused = 0
    path = tmp_path / "facts.ndjson"
    files = [[with_value(fact, spot, sign)] for fact in FACTS for spot in places(fact) for sign in SIGNS[:5]]
    for number, facts in enumerate(files[::3]):
        snapshot(path, facts, sequence=10_000 + number, as_of="2026-11-20T16:00:00Z")
        refused += not loaded(ledger, path)
    for spot in places(HEADER):
        header = {"sequence": 20_000, "as_of": "2026-11-20T16:00:00Z"} | {spot.split("/")[1]: NAME}
        snapshot(path, [FACTS[1]], **header)  # type: ignore[arg-type]
        refused += not loaded(ledger, path)
    path.write_bytes(f"{NAME}\n".encode() * 3)
    refused += not loaded(ledger, path)

    alerts = [json.loads(row[3]) for row in ledger.rows(tables.ALERT)]
    assert 0 < len(alerts) <= refused
    assert NAME.lower() not in json.dumps(alerts).lower()


def loaded(ledger: Ledger, path: Path) -> bool:
    try:
        import_file(ledger.engine, path, Terms(RULES.programs, 100), Silent())
    except Unusable as refused:
        sys.stderr.write(f"{refused} {refused!r}".replace(str(path), ""))
        return False
    return True

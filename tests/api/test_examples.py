"""The document's examples: each operation has one, it fits what the document says, and what it asks is answered."""

import json
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.api.document import EXAMPLES
from tests.api.desk import DOCUMENT, Desk, holds
from tests.api.test_two_people import lose
from tests.gate.ledger import Wire, authorization, order
from tests.gate.warehouse import REPORTING, Warehouse, event

OPERATIONS = {
    operation["operationId"]: operation
    for path in DOCUMENT["paths"].values()
    for method, operation in path.items()
    if method in {"get", "post"}
}
POSTED = {operation["post"]["operationId"] for operation in DOCUMENT["paths"].values() if "post" in operation}
MANY: Wire = {"/lines/0/patient/authorization_id": "AU-MANY"}
NO_PATIENT: Wire = {"/lines/0/patient": None}
PLAIN = {"metrics", *[name for name in OPERATIONS if name.startswith("export_")]}
"""What is not answered as JSON."""


def fill(desk: Desk, folder: Path) -> None:
    """What the examples ask about: orders, alerts, goods that left past the gate, a snapshot that waits for a second person."""
    desk.ledger.load(authorization("AU-MANY", 99))
    desk.ledger.judge(order(), order("SO-2", NO_PATIENT), b"rubbish")
    desk.ledger.judge(order("SO-3", MANY), order("SO-3", MANY | {"/revision": 2}), order("SO-4", NO_PATIENT))
    line = {"line": 1, "quantity": 5, "product": json.loads(order())["lines"][0]["product"]}
    Warehouse(desk.ledger).tell(event("shipped", "SO-4", lines=[line], event_id="EV-A"))
    lose(desk, folder, "u-18")


def withdraw(desk: Desk) -> None:
    """A released line that a higher revision withdraws, of a wholesaler that reports shipments: its record stands."""
    Warehouse(desk.ledger, REPORTING).judge(order("SO-5", MANY), order("SO-5", MANY | {"/revision": 2}))


def asked(desk: Desk, name: str, person: int = 17) -> Any:
    """What an example asks, once what it says comes before it was done by another person."""
    example = EXAMPLES[name]
    for before in example.get("after", ()):
        asked(desk, before, person + 1)
    if name not in POSTED:
        return desk.answer(example["path"])
    body = {"json": example["body"]} if "body" in example else {}
    answer = desk.act(example["path"], example.get("role", "lead"), seen=example.get("seen"), person=f"u-{person}", **body)
    assert answer.status_code == 200, answer.data
    return answer.get_json()


def test_every_operation_has_an_example() -> None:
    assert set(EXAMPLES) == set(OPERATIONS) - PLAIN


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_fits_the_document_and_is_answered(desk: Desk, tmp_path: Path, name: str) -> None:
    fill(desk, tmp_path)
    if "void" in name:
        withdraw(desk)
    example, content = EXAMPLES[name], OPERATIONS[name]["responses"]["200"]["content"]["application/json"]
    assert content["example"] == example["answer"]
    holds(content["schema"]["$ref"].rpartition("/")[2], example["answer"])
    answer = asked(desk, name)
    assert answer.keys() == example["answer"].keys()
    if "body" in example:
        assert json.loads(json.dumps(OPERATIONS[name]["requestBody"]["content"]["application/json"]["example"])) == example["body"]

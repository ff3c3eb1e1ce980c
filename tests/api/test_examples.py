"""The document's examples: each operation has one, it fits what the document says, and what it asks is answered."""

import json
from typing import Any

import pytest

from gatekeeper.api.document import EXAMPLES
from tests.api.desk import DOCUMENT, Desk, holds
from tests.gate.ledger import authorization, order

OPERATIONS = {
    operation["operationId"]: operation
    for path in DOCUMENT["paths"].values()
    for method, operation in path.items()
    if method in {"get", "post"}
}
POSTED = {operation["post"]["operationId"] for operation in DOCUMENT["paths"].values() if "post" in operation}
PLAIN = {"metrics", "export_orders", "export_alerts", "export_refusals", "export_sites", "export_records"}
"""What is not answered as JSON."""


def asked(desk: Desk, name: str, person: str) -> Any:
    """What an example asks, once what it says comes before it was done by another person."""
    example = EXAMPLES[name]
    for before in example.get("after", ()):
        asked(desk, before, "u-18")
    if name not in POSTED:
        return desk.answer(example["path"])
    body = {"json": example["body"]} if "body" in example else {}
    answer = desk.act(example["path"], example.get("role", "lead"), seen=example.get("seen"), person=person, **body)
    assert answer.status_code == 200, answer.data
    return answer.get_json()


def test_every_operation_has_an_example() -> None:
    assert set(EXAMPLES) == set(OPERATIONS) - PLAIN


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_fits_the_document_and_is_answered(desk: Desk, name: str) -> None:
    desk.ledger.load(authorization("AU-MANY", 99))
    desk.ledger.judge(order(), order("SO-2", {"/lines/0/patient": None}), b"rubbish")
    example, content = EXAMPLES[name], OPERATIONS[name]["responses"]["200"]["content"]["application/json"]
    assert content["example"] == example["answer"]
    holds(content["schema"]["$ref"].rpartition("/")[2], example["answer"])
    answer = asked(desk, name, "u-17")
    assert answer.keys() == example["answer"].keys()
    if "body" in example:
        assert json.loads(json.dumps(OPERATIONS[name]["requestBody"]["content"]["application/json"]["example"])) == example["body"]

"""The document's examples: each operation has one, it fits what the document says, and what it asks is answered."""

import json

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
PLAIN = {"metrics"}
"""What is not answered as JSON."""


def test_every_operation_has_an_example() -> None:
    assert set(EXAMPLES) == set(OPERATIONS) - PLAIN


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_fits_the_document_and_is_answered(desk: Desk, name: str) -> None:
    desk.ledger.load(authorization("AU-MANY", 99))
    desk.ledger.judge(order(), order("SO-2", {"/lines/0/patient": None}), b"rubbish")
    example, content = EXAMPLES[name], OPERATIONS[name]["responses"]["200"]["content"]["application/json"]
    assert content["example"] == example["answer"]
    holds(content["schema"]["$ref"].rpartition("/")[2], example["answer"])
    sent = {} if "body" not in example else {"method": "POST", "json": example["body"]}
    answer = desk.answer(example["path"], **sent)
    assert answer.keys() == example["answer"].keys()
    if sent:
        assert json.loads(json.dumps(OPERATIONS[name]["requestBody"]["content"]["application/json"]["example"])) == example["body"]

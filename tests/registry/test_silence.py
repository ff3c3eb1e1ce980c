"""One name, planted as a patient's everywhere in fact messages: in no log, metric, refusal, alert, or word of the database."""

from collections.abc import Iterator

import pytest

from gatekeeper.errors import Halt
from gatekeeper.registry.hearing import alert_missing
from gatekeeper.storage import tables
from tests.consumers.test_silence import NAME, SIGNS, silent
from tests.registry.telling import Telling
from tests.schemas.messages import FACTS, encoded, places, with_value

__all__ = ["silent"]


def planted() -> Iterator[bytes]:
    """Facts of every kind with the name as value, in a list, as the name of a member, and in rubbish."""
    for fact in FACTS:
        for place in places(fact):
            for sign in SIGNS:
                yield encoded(with_value(fact, place, sign))
        yield encoded(with_value(fact, f"/{NAME}", 1))
        whole = encoded(fact)
        yield whole + NAME.encode()
        yield whole.replace(b'"program":', f'"{NAME}":1,"{NAME}":2,"program":'.encode())
    yield from (NAME.encode(), NAME.encode() + b"\xff")


@pytest.mark.usefixtures("silent")
def test_facts_with_a_name_everywhere_name_nobody(telling: Telling) -> None:
    """Also where they contradict each other, and where facts are missing."""
    people = [fact for fact in FACTS if "patient_id" in fact]
    named = [fact | {"patient_id": NAME, "authorization_id": NAME, "prescriber_id": NAME} for fact in people]
    named = [{member: value for member, value in each.items() if member in fact} for each, fact in zip(named, people, strict=True)]
    told = telling.tell(*named, *(fact | {"effective_on": fact["effective_on"], "status": other(fact)} for fact in named), *planted())
    assert told[len(named) : 2 * len(named)] == ["aside"] * len(named)
    assert alert_missing(telling.engine, {"lemtrada"}, 0)

    said = [bytes(row[4]) for row in telling.rows(tables.REFUSAL)] + [bytes(row[3]) for row in telling.rows(tables.ALERT)]
    assert len(said) > 100
    assert [body for body in said if NAME.lower() in body.decode().lower()] == []


def other(fact: dict[str, object]) -> str:
    """Another status of its kind."""
    return {"enrolled": "withdrawn", "authorized": "cancelled"}[str(fact["status"])]


@pytest.mark.usefixtures("silent")
def test_a_database_that_refuses_a_fact_names_nobody(telling: Telling) -> None:
    with telling.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE registry_batch ADD CONSTRAINT refuses CHECK (facts < 0)")
    fact = next(fact for fact in FACTS if "patient_id" in fact) | {"patient_id": NAME}
    with pytest.raises(Halt) as halted:
        telling.tell(fact)
    assert NAME not in f"{halted.value} {halted.value!r}"

"""What the API says is what the ledger holds and what was published, for every labelled case that a broker takes."""

import json
from collections import defaultdict
from operator import itemgetter
from typing import Any

from gatekeeper.storage import tables
from tests.api.desk import PURPOSE, Desk
from tests.consumers.place import PATIENCE_S, Place
from tests.labelled import GIVEN, cases, messages
from tests.real.broker import Broker
from tests.real.waiting import wait_until

MOST_BYTES = 900_000
"""A broker takes no larger message unless it is told to."""
SEQUENCE, REFUSAL_ID = itemgetter("program", "sequence"), itemgetter("refusal_id")
Said = dict[tuple[str, str], list[dict[str, Any]]]


def sent() -> list[bytes]:
    """The messages of all cases, those of each under names of their own."""
    found = []
    for number, (book, case) in enumerate(cases(), 1):
        found += [message.replace(b"SO-", f"C{number}-SO-".encode()) for message in messages(book, case)]
    assert len(found) > 450
    return [message for message in found if len(message) <= MOST_BYTES]


def by_order(documents: list[dict[str, Any]]) -> Said:
    found: Said = defaultdict(list)
    for document in documents:
        found[document["wholesaler_id"], document["order_id"]].append(document)
    return found


def lines_of(stopped: list[dict[str, Any]], released: list[dict[str, Any]]) -> dict[tuple[int, int, int], dict[str, Any]]:
    """By revision, examination and line what the topics say of one order: of a line that stands in both, its reasons and what it is now."""
    said: dict[tuple[int, int, int], dict[str, Any]] = {}
    for document in (*stopped, *released):
        for line in document["lines"]:
            place = (document["revision"], document["examination"], line["line"])
            said[place] = said.get(place, {}) | line
    return said


def pages(desk: Desk, path: str, name: str) -> list[dict[str, Any]]:
    found, cursor = [], ""
    while True:
        page = desk.answer(f"{path}?limit=200{cursor}")
        found += page[name]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def told(place: Place, topic: str, count: int) -> list[dict[str, Any]]:
    """What a topic says, in so many messages."""
    return [json.loads(message.value() or b"") for message in place.wait_for(topic, count)]


def test_every_case_that_went_through_kafka_is_told_as_it_is(broker: Broker, desk: Desk) -> None:
    """Examinations, lines, reasons with evidence, records, refusals and alerts: as in the ledger, and as in the topics.

    All cases share one registry, whose authorizations last for all of them: what each is answered by itself is tried elsewhere.
    """
    plenty = [fact | {"units": 5000} if "units" in fact else fact for fact in GIVEN["world"]]
    desk.ledger.load(world=plenty)
    desk.ledger.load(world=plenty, program="isotretinoin")
    arriving, place = sent(), Place(broker, desk.engine)
    try:
        place.start()
        place.send(arriving)
        wait_until(lambda: sum(place.committed().values()) == len(arriving), PATIENCE_S, "all are judged and said")
        judged, records, refused = (desk.ledger.rows(table) for table in (tables.EXAMINATION, tables.DISTRIBUTION_RECORD, tables.REFUSAL))
        released = told(place, "shipments-released", sum(row[10] is not None for row in judged))
        stopped = told(place, "shipments-stopped", sum(row[11] is not None for row in judged))
        recorded = told(place, "distribution-records", len(records))
        unreadable = told(place, "refused-messages", len(refused))
    finally:
        place.close()
    examined: dict[tuple[str, str], set[tuple[int, int, str]]] = defaultdict(set)
    for row in judged:
        examined[row[1], row[2]].add((row[3], row[4], row[5]))
    assert (len(examined) > 200, len(refused) > 60, len(records) > 5) == (True, True, True)
    listed = pages(desk, "/v1/orders", "orders")
    assert sorted((order["wholesaler_id"], order["order_id"]) for order in listed) == sorted(examined)
    all_released, all_stopped, all_recorded = map(by_order, (released, stopped, recorded))
    for name, expected in examined.items():
        shown = desk.answer(f"/v1/orders/{name[0]}/{name[1]}", headers=PURPOSE)
        assert {(each["revision"], each["examination"], each["cause"]) for each in shown["examinations"]} == expected, name
        lines = {(each["revision"], each["examination"], line["line"]): line for each in shown["examinations"] for line in each["lines"]}
        published = lines_of(all_stopped[name], all_released[name])
        assert lines.keys() == published.keys()
        for place_of_line, line in published.items():
            wanted = {"reasons": [], "record_ids": []} | line
            assert {member: lines[place_of_line][member] for member in wanted} == wanted, (name, place_of_line)
        assert sorted((each["record"] for each in shown["records"]), key=SEQUENCE) == sorted(all_recorded[name], key=SEQUENCE)
    told_refused = pages(desk, "/v1/refusals", "refusals")
    assert sorted(told_refused, key=REFUSAL_ID) == sorted(unreadable, key=REFUSAL_ID)
    assert {json.dumps(each["alert"], sort_keys=True) for each in pages(desk, "/v1/alerts", "alerts")} == {
        json.dumps(json.loads(row[3]), sort_keys=True) for row in desk.ledger.rows(tables.ALERT)
    }

"""Options that the client library does not take: one sentence that names the setting, and no value."""

from typing import Any

import pytest

from consumers.kafka.client import Client
from consumers.kafka.log import Log
from consumers.kafka.publisher import Publisher
from consumers.kafka.topics import admin
from gatekeeper.errors import Unusable

NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"no.such.option": "hush"}, "no.such.option"),
        ({"security.protocol": "hush"}, "security.protocol"),
        ({"security.protocol": "ssl", "ssl.ca.location": "/hush"}, "ssl.ca.location"),
        ({"socket.timeout.ms": -1}, "socket.timeout.ms"),
        ({"error_cb": "hush"}, "error_cb"),
        ({"throttle_cb": "hush"}, "throttle_cb"),
        ({"default.topic.config": "hush"}, None),
        ({"security.protocol": "sasl_ssl", "sasl.mechanisms": "PLAIN"}, None),
        ({"client.id": "hush\ud800"}, None),
    ],
)
def test_options_that_are_not_taken(options: dict[str, Any], named: str | None) -> None:
    client = Client(NOBODY, options, "group", "instance")
    for make in (
        lambda: admin(client),
        lambda: Publisher(client, 0, "").open(),
        lambda: Log(client, "orders", "", lambda _: {}).read(),
    ):
        with pytest.raises(Unusable) as refused:
            make()
        has = "options that the" if named is None else f"the option {named}, which the"
        assert str(refused.value) == f"GATEKEEPER_KAFKA_OPTIONS has {has} Kafka client does not take as given there."

"""A fault of our own while a message is read halts the consumer, as one while it is judged does."""

import pytest
from sqlalchemy import create_engine

from consumers import orders
from consumers.kafka.log import Message
from consumers.orders import OrderGate
from gatekeeper.errors import Halt
from gatekeeper.rules import RuleBook


def test_reading_that_fails_halts_at_the_message_and_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_position: object, raw: bytes, *_: object) -> None:
        raise ValueError(raw.decode())

    monkeypatch.setattr(orders, "read_arrival", broken)
    gate = OrderGate(create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none"), "shipment-orders", str, RuleBook.read())
    with pytest.raises(Halt) as halted:
        gate.judge([Message(3, 17, b"Jane Doe")])
    assert "shipment-orders/3/17" in str(halted.value)
    assert "gatekeeper set-aside shipment-orders 3 17" in str(halted.value)
    assert "Jane" not in str(halted.value)

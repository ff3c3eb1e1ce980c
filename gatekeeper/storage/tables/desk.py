"""Evidence of what people did about orders and alerts: only ever added."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, LargeBinary, SmallInteger, Table, Text, UniqueConstraint, Uuid

from gatekeeper.storage.tables.metadata import METADATA

DESK_ENTRY = Table(
    "desk_entry",
    METADATA,
    Column("entry_id", Uuid, primary_key=True),
    Column("wholesaler_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("revision", SmallInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("examination", BigInteger),
    Column("body", LargeBinary),
    Column("text", Text),
    Column("person", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    UniqueConstraint("order_id", "wholesaler_id", "number", name="desk_entry_order"),
    Index("desk_entry_block", "block"),
    comment="What a person did about an order: took it, gave it back, noted, settled, had it examined, or had an answer sent again",
)

ALERT_DECISION = Table(
    "alert_decision",
    METADATA,
    Column("alert_id", Uuid, primary_key=True),
    Column("decision", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="What a person decided about an alert",
)

APPROVAL = Table(
    "approval",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("about", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("meaning", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="The word of a second person on a site alias, a snapshot with loss, a correction or a bypass: who, when, and what it means",
)

"""Evidence of which records people voided, because the goods stayed: only ever added."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Table, Text, Uuid

from gatekeeper.storage.tables.metadata import METADATA

VOIDING = Table(
    "voiding",
    METADATA,
    Column("voiding_id", Uuid, primary_key=True),
    Column("record_id", Uuid, nullable=False),
    Column("reason", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    Index("voiding_record", "record_id"),
    Index("voiding_at", "at", "voiding_id"),
    comment="That the goods of a record stayed, as one person says; it counts for nothing before another approves it",
)

VOIDING_DECISION = Table(
    "voiding_decision",
    METADATA,
    Column("voiding_id", Uuid, primary_key=True),
    Column("decision", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="What became of a proposed void: approved by another person, or refused",
)

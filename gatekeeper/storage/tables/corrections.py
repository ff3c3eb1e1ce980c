"""Evidence of what people changed of records that a REMS rejected: only ever added."""

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, Table, Text, Uuid

from gatekeeper.storage.tables.metadata import METADATA

CORRECTION = Table(
    "correction",
    METADATA,
    Column("correction_id", Uuid, primary_key=True),
    Column("record_id", Uuid, nullable=False),
    Column("program", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    Index("correction_record", "record_id"),
    comment="What one person proposes to change of a record that a REMS rejected; it counts for nothing before another approves it",
)

CORRECTION_DECISION = Table(
    "correction_decision",
    METADATA,
    Column("correction_id", Uuid, primary_key=True),
    Column("decision", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="What became of a proposed correction: approved by another person, or refused",
)

"""Evidence of what the REMS were sent, and what they said of it: only ever added."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from gatekeeper.storage.tables.metadata import METADATA

ACKNOWLEDGEMENT = Table(
    "acknowledgement",
    METADATA,
    Column("program", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("record_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("block", BigInteger, nullable=False),
    Index("acknowledgement_rejected", "program", "sequence", postgresql_where=text("status = 'rejected'")),
    comment="What a REMS said of one of its distribution records, as far as it counts",
)

RESUBMISSION = Table(
    "resubmission",
    METADATA,
    Column("resubmission_id", Uuid, primary_key=True),
    Column("program", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("record_id", Uuid, nullable=False),
    Column("reason", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    Index("resubmission_record", "program", "sequence"),
    Index("resubmission_block", "program", "block"),
    comment="A distribution record that a person had sent once more, the same bytes under the same id",
)

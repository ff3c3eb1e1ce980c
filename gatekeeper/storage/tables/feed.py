"""Evidence of what the REMS were sent, and what they said of it: only ever added."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
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

FEED_FILE = Table(
    "feed_file",
    METADATA,
    Column("program", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("first_sequence", BigInteger, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("through", Date, nullable=False),
    Column("layout", LargeBinary, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("block", BigInteger, nullable=False),
    UniqueConstraint("program", "first_sequence", name="feed_file_first_sequence"),
    comment="A file of a program's feed: which records are in it, by which layout, and the digest of its bytes",
)

FEED_FILE_WRITTEN = Table(
    "feed_file_written",
    METADATA,
    Column("program", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="A file of a program's feed that stands whole under its name",
)

"""Evidence of the files that came from the REMS, and of what they say of ours: only ever added."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, SmallInteger, Table, Text

from gatekeeper.storage.tables.metadata import METADATA

RECEIVED_FILE = Table(
    "received_file",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("program", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("content", LargeBinary),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="A file in which a REMS says what became of what it was sent; of a 997 or 999 with its bytes",
)

FILE_ACKNOWLEDGEMENT = Table(
    "file_acknowledgement",
    METADATA,
    Column("program", Text, primary_key=True),
    Column("file", Integer, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("status", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received", Integer, nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="What a REMS said of a file of the feed, as far as it counts: whether it could be read, and not what becomes of its records",
)

FILE_RESUBMISSION = Table(
    "file_resubmission",
    METADATA,
    Column("program", Text, primary_key=True),
    Column("file", Integer, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="A file of the feed that a person had made once more, the same bytes under the same number",
)

"""Evidence of what the registries said, and of what people said about sites: only ever added."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY

from gatekeeper.storage.tables.metadata import METADATA

REGISTRY_LOAD = Table(
    "registry_load",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False, unique=True),
    Column("program", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("as_of", DateTime(timezone=True), nullable=False),
    Column("as_of_day", Date, nullable=False),
    Column("fresh_as_of", DateTime(timezone=True), nullable=False),
    Column("covers", ARRAY(Text), nullable=False),
    Column("facts", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("facts_digest", LargeBinary, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="A snapshot that was loaded: from then on the registry has this version",
)

REGISTRY_BATCH = Table(
    "registry_batch",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False, unique=True),
    Column("origin", Text, nullable=False),
    Column("facts", BigInteger, nullable=False),
    Column("facts_digest", LargeBinary, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="Facts that came one by one, by topic or approved here: from then on the registry has this version",
)

FACT = Table(
    "fact",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("load", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("program", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("fact_subject", "subject", "kind"),
    Index("fact_load", "load", "id"),
    comment="What a registry said of one subject from a day on; when it was known is in its load",
)

FACT_PRESENCE = Table(
    "fact_presence",
    METADATA,
    Column("fact", BigInteger, primary_key=True),
    Column("load", BigInteger, primary_key=True),
    Column("day", Date, nullable=False),
    Column("present", Boolean, nullable=False),
    Index("fact_presence_load", "load", "fact"),
    comment="From this day on a fact no longer counts, because a snapshot left it out, or counts again",
)

HEARTBEAT = Table(
    "heartbeat",
    METADATA,
    Column("source", SmallInteger, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("program", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("as_of", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="A registry said that everything up to this sequence had been sent",
)

REFUSED_FILE = Table(
    "refused_file",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("sha256", Text, nullable=False),
    Column("program", Text),
    Column("problem", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("kept", BigInteger, nullable=False),
    Column("header", LargeBinary),
    Column("confirmable", Boolean, nullable=False),
    Column("person", Text),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    Index("refused_file_sha256", "sha256"),
    comment="A snapshot file that was refused, why, and how much of it was kept",
)

FILE_LOSS = Table(
    "file_loss",
    METADATA,
    Column("refusal", BigInteger, primary_key=True, autoincrement=False),
    Column("lost", BigInteger, nullable=False),
    Column("certified", BigInteger, nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="Of how many certified sites a refused file would lose how many, counted after the snapshot with the sequence base",
)

FILE_LOST_SITES = Table(
    "file_lost_sites",
    METADATA,
    Column("refusal", BigInteger, primary_key=True, autoincrement=False),
    Column("sites", LargeBinary, nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="Which sites a refused file would lose, one a line",
)

FILE_PIECE = Table(
    "file_piece",
    METADATA,
    Column("sha256", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("bytes", LargeBinary, nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="A piece of a refused file",
)

FILE_CONFIRMATION = Table(
    "file_confirmation",
    METADATA,
    Column("sha256", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="A person confirmed that the sites that a file loses are really lost",
)

SITE_ALIAS = Table(
    "site_alias",
    METADATA,
    Column("alias_id", Uuid, primary_key=True),
    Column("program", Text, nullable=False),
    Column("site_id", Text, nullable=False),
    Column("wholesaler_id", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    Index("site_alias_at", "at", "alias_id"),
    comment="One more address or account of a site for one wholesaler, as a person proposed it",
)

SITE_ALIAS_DECISION = Table(
    "site_alias_decision",
    METADATA,
    Column("alias_id", Uuid, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("decision", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="What another person made of a proposed alias: approved, refused, withdrawn",
)

"""Every table. Evidence is only ever added; what moves says so, and can be made anew from the evidence.

The migrations make these tables; a test holds the two to each other.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY

METADATA = MetaData()

# ---- evidence: only ever added, every row recorded by a block of the chain ----

SOURCE = Table(
    "source",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("topic_id", Text, nullable=False, unique=True),
    Column("topic", Text, nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="A topic that messages came from; one that was deleted and made again is another source",
)

ARRIVAL = Table(
    "arrival",
    METADATA,
    Column("source", SmallInteger, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("first_examination", BigInteger),
    Column("last_examination", BigInteger),
    Column("block", BigInteger, nullable=False),
    comment="One message that arrived: an order, a repeat of one (with the answer it repeats), or refused",
)

EXAMINATION = Table(
    "examination",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("wholesaler_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("revision", SmallInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("cause", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("registry_version", BigInteger, nullable=False),
    Column("evidence", LargeBinary, nullable=False),
    Column("released", LargeBinary),
    Column("stopped", LargeBinary),
    Column("block", BigInteger, nullable=False),
    UniqueConstraint("order_id", "wholesaler_id", "revision", "number", name="examination_identity"),
    comment="The n-th time an order was judged: the whole case, and the exact bytes of the answer",
)

DISTRIBUTION_RECORD = Table(
    "distribution_record",
    METADATA,
    Column("record_id", Uuid, primary_key=True),
    Column("program", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("replaces", Uuid),
    Column("examination", BigInteger, nullable=False),
    Column("units", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("block", BigInteger, nullable=False),
    UniqueConstraint("program", "sequence", name="distribution_record_sequence"),
    Index("distribution_record_examination", "examination"),
    comment="A patient-level distribution record, as it is published",
)

ALERT = Table(
    "alert",
    METADATA,
    Column("alert_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("examination", BigInteger),
    Column("body", LargeBinary, nullable=False),
    Column("block", BigInteger, nullable=False),
    Index("alert_examination", "examination"),
    comment="Something that a person must look at, as it is published",
)

REFUSAL = Table(
    "refusal",
    METADATA,
    Column("source", SmallInteger, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("raw", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="A message that could not be read: its bytes, which are never published, and what was said of it",
)

SET_ASIDE = Table(
    "set_aside",
    METADATA,
    Column("source", SmallInteger, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="A message that a person took out of a consumer's way: it is refused when it is read",
)

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

BLOCK = Table(
    "block",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("registry_version", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    comment="The one chain: what a database transaction recorded, bound to all that was recorded before",
)

EVIDENCE = (SOURCE, ARRIVAL, EXAMINATION, DISTRIBUTION_RECORD, ALERT, REFUSAL, SET_ASIDE, REGISTRY_LOAD)
"""Tables whose rows carry the number of the block that recorded them; facts and presences do so by their load."""
ONLY_ADDED = (*EVIDENCE, FACT, FACT_PRESENCE, BLOCK)

# ---- what moves: each can be made anew from the evidence ----

HEAD = Table(
    "moving_head",
    METADATA,
    Column("source", SmallInteger, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
    comment="Everything below this offset has been judged",
)

TAIL = Table(
    "moving_tail",
    METADATA,
    Column("only", Boolean, primary_key=True, default=True),
    Column("block", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("examination", BigInteger, nullable=False),
    Column("registry_version", BigInteger, nullable=False),
    CheckConstraint('"only"', name="moving_tail_one_row"),
    comment="Where the ledger ends: the last block, examination and registry version",
)

RECORD_COUNT = Table(
    "moving_record_count",
    METADATA,
    Column("program", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    comment="The last sequence of a program's distribution records",
)

FRESHNESS = Table(
    "moving_freshness",
    METADATA,
    Column("program", Text, primary_key=True),
    Column("as_of", DateTime(timezone=True), nullable=False),
    comment="The instant as of which a program's registry speaks",
)

UNITS = Table(
    "moving_units",
    METADATA,
    Column("authorization_id", Text, primary_key=True),
    Column("program", Text, primary_key=True),
    Column("units", Integer, nullable=False),
    comment="Dispensing units released on an authorization, less voided",
)

SERIAL = Table(
    "moving_serial",
    METADATA,
    Column("serial", Text, primary_key=True),
    Column("gtin", Text, primary_key=True),
    Column("place", Text, nullable=False),
    comment="A serial that is out, and with which line",
)

SITE_IDENTIFIER = Table(
    "moving_site_identifier",
    METADATA,
    Column("value", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("site_id", Text, primary_key=True),
    comment="Which sites some fact gives an identifier to",
)

OPEN_LINE = Table(
    "moving_open_line",
    METADATA,
    Column("examination", BigInteger, primary_key=True),
    Column("line", SmallInteger, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("wholesaler_id", Text, nullable=False),
    Column("revision", SmallInteger, nullable=False),
    Column("next_day", Date),
    Index("moving_open_line_order", "order_id", "wholesaler_id"),
    Index("moving_open_line_next_day", "next_day"),
    comment="A stopped line that may still be released, and the next day that could change its answer",
)

DEPENDENCY = Table(
    "moving_dependency",
    METADATA,
    Column("question", Text, primary_key=True),
    Column("examination", BigInteger, primary_key=True),
    Index("moving_dependency_examination", "examination"),
    comment="What the case of an open line looked up, also in vain",
)

"""Evidence of what came, what was decided, and what was said: only ever added."""

from sqlalchemy import (
    BigInteger,
    Column,
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
    comment="One message that arrived: what it was, and the examinations that answer it",
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
    Index("distribution_record_replaces", "replaces", postgresql_where=text("replaces IS NOT NULL")),
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
    Index("alert_block", "block", "alert_id"),
    Index("alert_order", text("order_of_alert(body)"), postgresql_where=text("examination IS NULL")),
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
    Index("refusal_block", "block", "source", "partition", "offset"),
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

ASIDE = Table(
    "aside",
    METADATA,
    Column("source", SmallInteger, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("why", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("block", BigInteger, nullable=False),
    Index("aside_subject", text("subject_of_fact(body)")),
    comment="A message that was read and kept, and changes nothing",
)

SHIPMENT_EVENT = Table(
    "shipment_event",
    METADATA,
    Column("source", SmallInteger, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("wholesaler_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("revision", SmallInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("block", BigInteger, nullable=False),
    UniqueConstraint("event_id", "wholesaler_id", name="shipment_event_identity"),
    Index("shipment_event_order", "order_id", "wholesaler_id"),
    Index("shipment_event_block", "block"),
    comment="What the warehouse said became of the goods of an order",
)

BYPASS = Table(
    "bypass",
    METADATA,
    Column("bypass_id", Uuid, primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("wholesaler_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("revision", SmallInteger, nullable=False),
    Column("line", SmallInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("lacks", Text, nullable=False),
    Column("program", Text),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    Index("bypass_order", "order_id", "wholesaler_id"),
    Index("bypass_at", "at", "bypass_id"),
    comment="Goods of one line that left past the gate, as one event said it, and what a record of them lacks; its id is that of its alert",
)

BYPASS_STEP = Table(
    "bypass_step",
    METADATA,
    Column("bypass_id", Uuid, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("step", Text, nullable=False),
    Column("body", LargeBinary),
    Column("reason", Text),
    Column("person", Text),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="What was done about a bypass: completed by a person, approved or refused by another, or released by the gate after all",
)

LOOK_BACK = Table(
    "look_back",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("fact", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("registry_version", BigInteger, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("findings", BigInteger, nullable=False),
    Column("alert_id", Uuid),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="Decided lines that were looked at again because of one fact: how many, and how many were found",
)

FINDING = Table(
    "finding",
    METADATA,
    Column("look_back", BigInteger, primary_key=True),
    Column("examination", BigInteger, primary_key=True),
    Column("line", SmallInteger, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="A line that a look-back found, with what was known when it was decided",
)

FINDING_OUTSIDE = Table(
    "finding_outside",
    METADATA,
    Column("look_back", BigInteger, primary_key=True),
    Column("bypass_id", Uuid, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="Goods of a recalled lot that had left past the gate, as the look-back of the recall found them",
)

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("examination", BigInteger),
    Column("alert_id", Uuid),
    Column("source", SmallInteger),
    Column("partition", Integer),
    Column("offset", BigInteger),
    Column("block", BigInteger, nullable=False),
    Index("outbox_examination", "examination"),
    comment="What the relay publishes, in this order; where a position is named, only after the answer to it was published",
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

"""What moves: each table can be made anew from the evidence."""

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
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, INT8MULTIRANGE

from gatekeeper.storage.tables.metadata import METADATA

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
    Column("outbox", BigInteger, nullable=False),
    CheckConstraint('"only"', name="moving_tail_one_row"),
    comment="Where the ledger ends: the last block, examination, registry version and number of the outbox",
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

SEQUENCE = Table(
    "moving_sequence",
    METADATA,
    Column("program", Text, primary_key=True),
    Column("received", INT8MULTIRANGE, nullable=False),
    Column("since", ARRAY(DateTime(timezone=True)), nullable=False),
    Column("alerted", ARRAY(Boolean), nullable=False),
    Column("through", BigInteger, nullable=False),
    comment="Which of a program's sequences have come, how far it has told, and of each gap since when it is seen, and if that was said",
)

PENDING_HEARTBEAT = Table(
    "moving_heartbeat",
    METADATA,
    Column("program", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("as_of", DateTime(timezone=True), nullable=False),
    comment="A heartbeat that makes the registry fresh when nothing up to its sequence is missing any more",
)

UNITS = Table(
    "moving_units",
    METADATA,
    Column("authorization_id", Text, primary_key=True),
    Column("program", Text, primary_key=True),
    Column("units", BigInteger, nullable=False),
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

CLAIMED_SERIAL = Table(
    "moving_claimed_serial",
    METADATA,
    Column("serial", Text, primary_key=True),
    Column("gtin", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    comment="A serial that is out with another line, and that this one holds too: it is this one's when the other gives it up",
)

NAMED_SERIAL = Table(
    "moving_named_serial",
    METADATA,
    Column("serial", Text, primary_key=True),
    Column("gtin", Text, primary_key=True),
    Column("place", Text, nullable=False),
    comment="A serial that the live record of this superseded line names, although the line does not hold it any more",
)

UNSETTLED_LINE = Table(
    "moving_unsettled_line",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("wholesaler_id", Text, primary_key=True),
    Column("revision", SmallInteger, primary_key=True),
    Column("line", SmallInteger, primary_key=True),
    comment="A line that has got a serial which another gave up: what its record can say is looked at once more",
)

SITE_IDENTIFIER = Table(
    "moving_site_identifier",
    METADATA,
    Column("value", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("site_id", Text, primary_key=True),
    Column("load", BigInteger, primary_key=True),
    comment="Which sites some fact gives an identifier to; no load writes a row of another",
)

OPEN_LINE = Table(
    "moving_open_line",
    METADATA,
    Column("examination", BigInteger, primary_key=True),
    Column("line", SmallInteger, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("wholesaler_id", Text, nullable=False),
    Column("revision", SmallInteger, nullable=False),
    Column("next_at", DateTime(timezone=True)),
    Index("moving_open_line_order", "order_id", "wholesaler_id"),
    Index("moving_open_line_next_at", "next_at"),
    comment="A stopped line that may still be released, and when the next day begins that could change its answer",
)

WATCHED_LINE = Table(
    "moving_watched_line",
    METADATA,
    Column("examination", BigInteger, primary_key=True),
    Column("line", SmallInteger, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("wholesaler_id", Text, nullable=False),
    Column("revision", SmallInteger, nullable=False),
    Column("next_at", DateTime(timezone=True)),
    Column("until", DateTime(timezone=True), nullable=False),
    Index("moving_watched_line_order", "order_id", "wholesaler_id"),
    Index("moving_watched_line_next_at", "next_at"),
    comment="A released line whose goods have not left, how long it is watched, when its answer could change",
)

WITHDRAWN_LINE = Table(
    "moving_withdrawn_line",
    METADATA,
    Column("examination", BigInteger, primary_key=True, autoincrement=False),
    Column("line", SmallInteger, primary_key=True, autoincrement=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Index("moving_withdrawn_line_until", "until"),
    comment="A released line that was withdrawn, and until when its wholesaler should have said what became of its goods",
)

DEPENDENCY = Table(
    "moving_dependency",
    METADATA,
    Column("question", BigInteger, primary_key=True, autoincrement=False),
    Column("examination", BigInteger, primary_key=True, autoincrement=False),
    comment="What a case looked up, also in vain: the question by the first 8 bytes of its MD5",
)

FOLLOW_UP = Table(
    "moving_follow_up",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    Column("cause", Text, nullable=False),
    Column("load", BigInteger),
    Column("question", BigInteger),
    Column("place", BigInteger, nullable=False),
    Column("through", BigInteger, nullable=False),
    Column("questions", ARRAY(BigInteger)),
    comment="Something changed: what hangs on it has still to be found, from this place on",
)

DUE = Table(
    "moving_due",
    METADATA,
    Column("examination", BigInteger, primary_key=True, autoincrement=False),
    Column("cause", Text, nullable=False),
    comment="An examination whose open or watched lines are to be judged again",
)

LOOKING_BACK = Table(
    "moving_look_back",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("fact", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("through", BigInteger, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("findings", BigInteger, nullable=False),
    Index("moving_look_back_turn", "kind", "lines", "id"),
    comment="A look-back under way: up to which examination it has come, and how far it goes",
)

AWAITED = Table(
    "moving_awaited",
    METADATA,
    Column("program", Text, primary_key=True),
    Column("through", BigInteger, nullable=False),
    Column("block", BigInteger, nullable=False),
    comment="Up to which sequence, and which block of resubmissions, it was looked whether a program acknowledged its records in time",
)

UNUSED = Table(
    "moving_unused",
    METADATA,
    Column("program", Text, primary_key=True),
    Column("day", Date, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("through", BigInteger, nullable=False),
    comment="Up to which sequence of a program's records it was looked, on this day, whether vials are soon to be returned",
)

WAITING_EVENT = Table(
    "moving_waiting_event",
    METADATA,
    Column("event_id", Text, primary_key=True),
    Column("wholesaler_id", Text, primary_key=True),
    Column("line", SmallInteger, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("revision", SmallInteger, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("ends", Text),
    Column("waits", Boolean, nullable=False),
    Index("moving_waiting_event_order", "order_id", "wholesaler_id"),
    Index("moving_waiting_event_turn", "waits", "since"),
    Index("moving_waiting_event_unmarked", "since", postgresql_where=text("ends IS NULL")),
    comment="What an event said of a line and no record says yet: its order is waited for, up to these ends, or was seen",
)

RULES = Table(
    "moving_rules",
    METADATA,
    Column("program", Text, primary_key=True),
    Column("sha256", Text, nullable=False),
    comment="The rules by which open and watched lines were last judged",
)

ANSWERED_CALL = Table(
    "moving_answered_call",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("asked", LargeBinary, nullable=False),
    Column("etag", Text),
    Column("body", LargeBinary, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("limits", LargeBinary, nullable=False),
    Index("moving_answered_call_until", "until"),
    comment="What was answered to a call that recorded something, under the key that its caller gave; for a time it is answered so again",
)

CURSOR_KEY = Table(
    "moving_cursor_key",
    METADATA,
    Column("only", Boolean, primary_key=True, server_default=text("true")),
    Column("key", LargeBinary, nullable=False),
    CheckConstraint('"only"', name="moving_cursor_key_one_row"),
    comment="Under which cursors are sealed; where it is lost another is made, and lists that are being paged through begin anew",
)

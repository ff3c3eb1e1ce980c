"""Evidence of who asked for what is not for everybody: only ever added."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, Table, Text, Uuid, text

from gatekeeper.storage.tables.metadata import METADATA

INQUIRY = Table(
    "inquiry",
    METADATA,
    Column("inquiry_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("purpose", Text),
    Column("count", Integer, nullable=False),
    Column("wholesaler_id", Text),
    Column("order_id", Text),
    Column("program", Text),
    Column("first_sequence", BigInteger),
    Column("last_sequence", BigInteger),
    Column("person", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("block", BigInteger, nullable=False),
    Index("inquiry_order", "order_id", "wholesaler_id"),
    Index(
        "inquiry_sequences",
        text("int8range(first_sequence, GREATEST(last_sequence + 1, first_sequence))"),
        postgresql_using="gist",
        postgresql_where=text("first_sequence IS NOT NULL"),
    ),
    comment="A call of the API that showed patients' pseudonyms, or asked what the gate would answer, or said what became of records",
)

INQUIRED_ORDER = Table(
    "inquired_order",
    METADATA,
    Column("inquiry_id", Uuid, primary_key=True),
    Column("wholesaler_id", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    Column("block", BigInteger, nullable=False),
    Index("inquired_order_name", "order_id", "wholesaler_id"),
    comment="An order of whose patients a call told that was about more than one: it was found by them, or they were shown",
)

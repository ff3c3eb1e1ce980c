"""The desk's list of orders, and that of sites: they move, follow the ledger, and can be made anew from it."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Date, DateTime, Index, Integer, LargeBinary, SmallInteger, Table, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import TSVECTOR

from gatekeeper.storage.tables.metadata import METADATA

_WORD = Text(collation="C")
"""Compared byte by byte, so that an index finds what begins with something."""

LISTED_UP_TO = Table(
    "moving_listed_up_to",
    METADATA,
    Column("only", Boolean, primary_key=True, default=True),
    Column("examination", BigInteger, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("registry_version", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    CheckConstraint('"only"', name="moving_listed_up_to_one_row"),
    comment="How far the list of orders has followed the ledger: up to which examination, block, and version of the registry",
)

LISTED_ORDER = Table(
    "moving_listed_order",
    METADATA,
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", Text, nullable=False),
    Column("wholesaler_id", Text, nullable=False),
    Column("revision", SmallInteger, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("open_since", DateTime(timezone=True)),
    Column("ship_on", Date, nullable=False),
    Column("site_name", Text),
    Column("word", _WORD, nullable=False),
    Column("ending", _WORD, nullable=False),
    Column("lines", LargeBinary, nullable=False),
    Column("opened", LargeBinary, nullable=False),
    Column("scope", Integer, nullable=False),
    Index("moving_listed_order_order", "order_id", "wholesaler_id"),
    Index("moving_listed_order_received_at", "received_at", "place"),
    Index("moving_listed_order_word", "scope", "word"),
    Index("moving_listed_order_ending", "scope", "ending"),
    comment="An order at its highest revision, as the list shows it; its place is the examination of its first message",
)

LISTED_LINE = Table(
    "moving_listed_line",
    METADATA,
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("line", SmallInteger, primary_key=True, autoincrement=False),
    Column("kind", Integer, nullable=False),
    Column("ship_on", Date, nullable=False),
    Column("addressee", BigInteger, nullable=False),
    Column("site_id", Text),
    Column("lot", Text),
    Column("open_since", DateTime(timezone=True)),
    Column("program_since", DateTime(timezone=True)),
    Index("moving_listed_line_kind", "kind", "place"),
    Index("moving_listed_line_ship_on", "kind", "ship_on", "place"),
    Index(
        "moving_listed_line_site", "site_id", "kind", "place", postgresql_where=sql("site_id IS NOT NULL"), postgresql_include=["ship_on"]
    ),
    Index("moving_listed_line_lot", "lot", "kind", "place", postgresql_where=sql("lot IS NOT NULL"), postgresql_include=["ship_on"]),
    Index("moving_listed_line_open", "kind", "open_since", "place", postgresql_where=sql("open_since IS NOT NULL")),
    Index("moving_listed_line_program", "kind", "program_since", "place", postgresql_where=sql("program_since IS NOT NULL")),
    Index("moving_listed_line_addressee", "addressee", "kind", "place"),
    comment="A line of an order in the list, by what it can be found",
)

LISTED_KIND = Table(
    "moving_listed_kind",
    METADATA,
    Column("kind", Integer, primary_key=True, autoincrement=False),
    Column("wholesaler_id", Text, nullable=False),
    Column("program", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("opened", Text, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Index("moving_listed_kind_said", "wholesaler_id", "program", "outcome", "reasons", "opened", unique=True),
    comment="What lines in the list have in common (no program is an empty one, reasons have commas between; opened are the programs of "
    "their order's open lines, with commas around), and how many lines have it",
)

LISTED_SCOPE = Table(
    "moving_listed_scope",
    METADATA,
    Column("scope", Integer, primary_key=True, autoincrement=False),
    Column("wholesaler_id", Text, nullable=False),
    Column("programs", Text, nullable=False),
    Index("moving_listed_scope_said", "wholesaler_id", "programs", unique=True),
    comment="To whom orders show: of which wholesaler they are, and of which programs their lines, with commas around",
)

LISTED_TERM = Table(
    "moving_listed_term",
    METADATA,
    Column("term", Text, primary_key=True),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("line", SmallInteger, primary_key=True, autoincrement=False),
    Index("moving_listed_term_place", "place"),
    comment="A serial, patient, authorization or prescriber that a line in the list names",
)

LISTED_ADDRESSEE = Table(
    "moving_listed_addressee",
    METADATA,
    Column("addressee", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False),
    Index("moving_listed_addressee_digest", "digest", "scope", unique=True),
    comment="To whom orders of a scope in the list go, by the digest of the words of it",
)

LISTED_WORD = Table(
    "moving_listed_word",
    METADATA,
    Column("scope", Integer, primary_key=True, autoincrement=False),
    Column("word", _WORD, primary_key=True),
    Column("addressee", BigInteger, primary_key=True, autoincrement=False),
    Index("moving_listed_word_addressee", "addressee", "word"),
    comment="A word of an addressee: of its name, or one of its identifiers",
)

PATIENT_FORM = Table(
    "moving_patient_form",
    METADATA,
    Column("form", Text, primary_key=True),
    comment="How the ids of patients and authorizations are written: a word before a separator, then letters and digits as such",
)

LISTED = (LISTED_UP_TO, LISTED_ORDER, LISTED_LINE, LISTED_KIND, LISTED_SCOPE, LISTED_TERM, LISTED_ADDRESSEE, LISTED_WORD, PATIENT_FORM)

LISTED_SITES_UP_TO = Table(
    "moving_listed_sites_up_to",
    METADATA,
    Column("only", Boolean, primary_key=True, default=True),
    Column("registry_version", BigInteger, nullable=False),
    Column("fact", BigInteger, nullable=False),
    CheckConstraint('"only"', name="moving_listed_sites_up_to_one_row"),
    comment="How far the list of sites has followed the registry: all up to this version, and of the one after it up to this fact",
)

LISTED_SITE = Table(
    "moving_listed_site",
    METADATA,
    Column("fact", BigInteger, primary_key=True, autoincrement=False),
    Column("program", Text, nullable=False),
    Column("site_id", Text, nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("certified", Boolean, nullable=False),
    Column("zip_code", Text),
    Column("words", TSVECTOR, nullable=False),
    Index("moving_listed_site_place", "zip_code"),
    Index("moving_listed_site_words", "words", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
    comment="What a registry said of a site, by the words of its name and address, and by its ZIP code",
)

LISTED_SITES = (LISTED_SITES_UP_TO, LISTED_SITE)

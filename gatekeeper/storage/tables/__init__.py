"""Every table. Evidence is only ever added; what moves says so, and can be made anew from the evidence.

The migrations make these tables; a test holds the two to each other.
"""

from gatekeeper.storage.tables.decisions import (
    ALERT,
    ARRIVAL,
    ASIDE,
    BLOCK,
    DISTRIBUTION_RECORD,
    EXAMINATION,
    FINDING,
    LOOK_BACK,
    OUTBOX,
    REFUSAL,
    SET_ASIDE,
    SHIPMENT_EVENT,
    SOURCE,
)
from gatekeeper.storage.tables.feed import ACKNOWLEDGEMENT, FEED_FILE, FEED_FILE_WRITTEN, RESUBMISSION
from gatekeeper.storage.tables.inquiries import INQUIRY
from gatekeeper.storage.tables.metadata import METADATA
from gatekeeper.storage.tables.moving import (
    AWAITED,
    DEPENDENCY,
    DUE,
    FOLLOW_UP,
    FRESHNESS,
    HEAD,
    LOOKING_BACK,
    OPEN_LINE,
    PENDING_HEARTBEAT,
    RECORD_COUNT,
    RULES,
    SEQUENCE,
    SERIAL,
    SITE_IDENTIFIER,
    TAIL,
    UNITS,
    WATCHED_LINE,
)
from gatekeeper.storage.tables.received import FILE_ACKNOWLEDGEMENT, FILE_RESUBMISSION, RECEIVED_FILE
from gatekeeper.storage.tables.registry import (
    FACT,
    FACT_PRESENCE,
    FILE_CONFIRMATION,
    FILE_PIECE,
    HEARTBEAT,
    REFUSED_FILE,
    REGISTRY_BATCH,
    REGISTRY_LOAD,
    SITE_ALIAS,
    SITE_ALIAS_DECISION,
)

EVIDENCE = (
    SOURCE, ARRIVAL, EXAMINATION, DISTRIBUTION_RECORD, ALERT, REFUSAL, SET_ASIDE, REGISTRY_LOAD, REGISTRY_BATCH, HEARTBEAT, ASIDE,
    SHIPMENT_EVENT, REFUSED_FILE, FILE_PIECE, FILE_CONFIRMATION, SITE_ALIAS, SITE_ALIAS_DECISION, LOOK_BACK, FINDING, OUTBOX,
    ACKNOWLEDGEMENT, RESUBMISSION, FEED_FILE, FEED_FILE_WRITTEN, RECEIVED_FILE, FILE_ACKNOWLEDGEMENT, FILE_RESUBMISSION,
    INQUIRY,
)  # fmt: skip
"""Tables whose rows carry the number of the block that recorded them; facts and presences do so by their load or batch."""
ONLY_ADDED = (*EVIDENCE, FACT, FACT_PRESENCE, BLOCK)

__all__ = [
    "ACKNOWLEDGEMENT",
    "ALERT",
    "ARRIVAL",
    "ASIDE",
    "AWAITED",
    "BLOCK",
    "DEPENDENCY",
    "DISTRIBUTION_RECORD",
    "DUE",
    "EVIDENCE",
    "EXAMINATION",
    "FACT",
    "FACT_PRESENCE",
    "FEED_FILE",
    "FEED_FILE_WRITTEN",
    "FILE_ACKNOWLEDGEMENT",
    "FILE_CONFIRMATION",
    "FILE_PIECE",
    "FILE_RESUBMISSION",
    "FINDING",
    "FOLLOW_UP",
    "FRESHNESS",
    "HEAD",
    "HEARTBEAT",
    "INQUIRY",
    "LOOKING_BACK",
    "LOOK_BACK",
    "METADATA",
    "ONLY_ADDED",
    "OPEN_LINE",
    "OUTBOX",
    "PENDING_HEARTBEAT",
    "RECEIVED_FILE",
    "RECORD_COUNT",
    "REFUSAL",
    "REFUSED_FILE",
    "REGISTRY_BATCH",
    "REGISTRY_LOAD",
    "RESUBMISSION",
    "RULES",
    "SEQUENCE",
    "SERIAL",
    "SET_ASIDE",
    "SHIPMENT_EVENT",
    "SITE_ALIAS",
    "SITE_ALIAS_DECISION",
    "SITE_IDENTIFIER",
    "SOURCE",
    "TAIL",
    "UNITS",
    "WATCHED_LINE",
]

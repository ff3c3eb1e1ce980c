"""What people do about orders and alerts, and what was answered to their calls."""

from alembic import op

revision = "0012"
down_revision = "0011"

TABLES = """
CREATE TABLE desk_entry (
    entry_id UUID NOT NULL,
    wholesaler_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    revision SMALLINT NOT NULL,
    kind TEXT NOT NULL,
    examination BIGINT,
    body BYTEA,
    text TEXT,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (entry_id),
    CONSTRAINT desk_entry_order UNIQUE (order_id, wholesaler_id, number)
);

COMMENT ON TABLE desk_entry IS
    'What a person did about an order: took it, gave it back, noted, settled, had it examined, or had an answer sent again';

CREATE TABLE alert_decision (
    alert_id UUID NOT NULL,
    decision TEXT NOT NULL,
    reason TEXT NOT NULL,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (alert_id)
);

COMMENT ON TABLE alert_decision IS 'What a person decided about an alert';

CREATE TABLE moving_answered_call (
    person TEXT NOT NULL,
    key TEXT NOT NULL,
    asked BYTEA NOT NULL,
    etag TEXT,
    body BYTEA NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (person, key)
);

CREATE INDEX moving_answered_call_until ON moving_answered_call (until);

COMMENT ON TABLE moving_answered_call IS
    'What was answered to a call that recorded something, under the key that its caller gave; for a time it is answered so again'
"""
ONLY_ADDED = ("desk_entry", "alert_decision")
EVERYWHERE = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {0} ENABLE ALWAYS TRIGGER only_added
"""


def upgrade() -> None:
    for statements in (TABLES, *(EVERYWHERE.format(table) for table in ONLY_ADDED)):
        op.get_bind().exec_driver_sql(statements)

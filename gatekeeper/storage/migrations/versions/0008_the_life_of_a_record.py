"""The life of a record: what left past the gate, what people added to it, and events that wait for their order."""

from alembic import op

revision = "0008"
down_revision = "0007"

TABLES = """
CREATE TABLE bypass (
    bypass_id UUID NOT NULL,
    event_id TEXT NOT NULL,
    wholesaler_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    revision SMALLINT NOT NULL,
    line SMALLINT NOT NULL,
    why TEXT NOT NULL,
    lacks TEXT NOT NULL,
    program TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (bypass_id)
);

CREATE INDEX bypass_order ON bypass (order_id, wholesaler_id);

COMMENT ON TABLE bypass IS
    'Goods of one line that left past the gate, as one event said it, and what a record of them lacks; its id is that of its alert';

CREATE TABLE bypass_step (
    bypass_id UUID NOT NULL,
    number SMALLINT NOT NULL,
    step TEXT NOT NULL,
    body BYTEA,
    reason TEXT,
    person TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (bypass_id, number)
);

COMMENT ON TABLE bypass_step IS
    'What was done about a bypass: completed by a person, approved or refused by another, or released by the gate after all';

CREATE TABLE moving_waiting_event (
    event_id TEXT NOT NULL,
    wholesaler_id TEXT NOT NULL,
    line SMALLINT NOT NULL,
    order_id TEXT NOT NULL,
    revision SMALLINT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    ends TEXT,
    PRIMARY KEY (event_id, wholesaler_id, line)
);

CREATE INDEX moving_waiting_event_order ON moving_waiting_event (order_id, wholesaler_id);

COMMENT ON TABLE moving_waiting_event IS
    'What an event said of a line and no record says yet: its order is waited for, until the orders were read up to these ends'
"""

EVIDENCE = ("bypass", "bypass_step")

PROTECTION = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {0} ENABLE ALWAYS TRIGGER only_added
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLES)
    for table in EVIDENCE:
        op.get_bind().exec_driver_sql(PROTECTION.format(table))

"""Who asked for patients' pseudonyms, and who rehearsed."""

from alembic import op

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE inquiry (
    inquiry_id UUID NOT NULL,
    kind TEXT NOT NULL,
    operation TEXT NOT NULL,
    purpose TEXT,
    count INTEGER NOT NULL,
    wholesaler_id TEXT,
    order_id TEXT,
    program TEXT,
    first_sequence BIGINT,
    last_sequence BIGINT,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (inquiry_id)
);

CREATE INDEX inquiry_order ON inquiry (order_id, wholesaler_id);

COMMENT ON TABLE inquiry IS 'A call of the API that showed patients'' pseudonyms, with what for, or that asked what the gate would answer';

CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON inquiry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE inquiry ENABLE ALWAYS TRIGGER only_added;

CREATE INDEX refusal_block ON refusal (block, source, partition, "offset");

CREATE INDEX alert_block ON alert (block, alert_id)
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLES)

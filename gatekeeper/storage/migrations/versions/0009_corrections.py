"""Corrections of rejected records, by people."""

from alembic import op

revision = "0009"
down_revision = "0008"

TABLES = """
CREATE TABLE correction (
    correction_id UUID NOT NULL,
    record_id UUID NOT NULL,
    program TEXT NOT NULL,
    body BYTEA NOT NULL,
    reason TEXT NOT NULL,
    person TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (correction_id)
);

CREATE INDEX correction_record ON correction (record_id);

COMMENT ON TABLE correction IS
    'What one person proposes to change of a record that a REMS rejected; it counts for nothing before another approves it';

CREATE TABLE correction_decision (
    correction_id UUID NOT NULL,
    decision TEXT NOT NULL,
    reason TEXT NOT NULL,
    person TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (correction_id)
);

COMMENT ON TABLE correction_decision IS 'What became of a proposed correction: approved by another person, or refused';

CREATE INDEX distribution_record_replaces ON distribution_record (replaces) WHERE replaces IS NOT NULL
"""
ONLY_ADDED = ("correction", "correction_decision")
EVERYWHERE = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {0} ENABLE ALWAYS TRIGGER only_added
"""


def upgrade() -> None:
    for statements in (TABLES, *(EVERYWHERE.format(table) for table in ONLY_ADDED)):
        op.get_bind().exec_driver_sql(statements)

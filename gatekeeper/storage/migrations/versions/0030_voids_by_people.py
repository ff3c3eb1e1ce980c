"""Voids of records whose goods stayed, by people."""

from alembic import op

revision = "0030"
down_revision = "0029"

TABLES = """
CREATE TABLE voiding (
    voiding_id UUID NOT NULL,
    record_id UUID NOT NULL,
    reason TEXT NOT NULL,
    person TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (voiding_id)
);

CREATE INDEX voiding_record ON voiding (record_id);

CREATE INDEX voiding_at ON voiding (at, voiding_id);

COMMENT ON TABLE voiding IS
    'That the goods of a record stayed, as one person says; it counts for nothing before another approves it';

CREATE TABLE voiding_decision (
    voiding_id UUID NOT NULL,
    decision TEXT NOT NULL,
    reason TEXT NOT NULL,
    person TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (voiding_id)
);

COMMENT ON TABLE voiding_decision IS 'What became of a proposed void: approved by another person, or refused'
"""
ONLY_ADDED = ("voiding", "voiding_decision")
EVERYWHERE = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {0} ENABLE ALWAYS TRIGGER only_added
"""


def upgrade() -> None:
    for statements in (TABLES, *(EVERYWHERE.format(table) for table in ONLY_ADDED)):
        op.get_bind().exec_driver_sql(statements)

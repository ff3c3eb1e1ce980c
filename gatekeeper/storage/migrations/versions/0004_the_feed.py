"""What the REMS are sent, and what they say of it."""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = """
CREATE TABLE acknowledgement (
    program TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    number SMALLINT NOT NULL,
    record_id UUID NOT NULL,
    status TEXT NOT NULL,
    digest BYTEA NOT NULL,
    body BYTEA NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (program, sequence, number)
);

CREATE INDEX acknowledgement_rejected ON acknowledgement (program, sequence) WHERE status = 'rejected';

COMMENT ON TABLE acknowledgement IS 'What a REMS said of one of its distribution records, as far as it counts';

CREATE TABLE resubmission (
    resubmission_id UUID NOT NULL,
    program TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    record_id UUID NOT NULL,
    reason TEXT NOT NULL,
    person TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (resubmission_id)
);

CREATE INDEX resubmission_record ON resubmission (program, sequence);

CREATE INDEX resubmission_block ON resubmission (program, block);

COMMENT ON TABLE resubmission IS 'A distribution record that a person had sent once more, the same bytes under the same id';

CREATE TABLE moving_awaited (
    program TEXT NOT NULL,
    through BIGINT NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (program)
);

COMMENT ON TABLE moving_awaited IS
    'Up to which sequence, and which block of resubmissions, it was looked whether a program acknowledged its records in time'
"""
ONLY_ADDED = ("acknowledgement", "resubmission")
EVERYWHERE = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {0} ENABLE ALWAYS TRIGGER only_added
"""


def upgrade() -> None:
    for statements in (TABLES, *(EVERYWHERE.format(table) for table in ONLY_ADDED)):
        op.get_bind().exec_driver_sql(statements)

"""What the REMS say by file, and files that are made once more."""

from alembic import op

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE received_file (
    number INTEGER NOT NULL,
    program TEXT NOT NULL,
    kind TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    size BIGINT NOT NULL,
    content BYTEA,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (sha256)
);

COMMENT ON TABLE received_file IS 'A file in which a REMS says what became of what it was sent; of a 997 or 999 with its bytes';

CREATE TABLE file_acknowledgement (
    program TEXT NOT NULL,
    file INTEGER NOT NULL,
    number SMALLINT NOT NULL,
    status TEXT NOT NULL,
    digest BYTEA NOT NULL,
    body BYTEA NOT NULL,
    received INTEGER NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (program, file, number)
);

COMMENT ON TABLE file_acknowledgement IS
    'What a REMS said of a file of the feed, as far as it counts: whether it could be read, and not what becomes of its records';

CREATE TABLE file_resubmission (
    program TEXT NOT NULL,
    file INTEGER NOT NULL,
    number SMALLINT NOT NULL,
    reason TEXT NOT NULL,
    person TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (program, file, number)
);

COMMENT ON TABLE file_resubmission IS 'A file of the feed that a person had made once more, the same bytes under the same number'
"""
ONLY_ADDED = ("received_file", "file_acknowledgement", "file_resubmission")
EVERYWHERE = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {0} ENABLE ALWAYS TRIGGER only_added
"""


def upgrade() -> None:
    for statements in (TABLES, *(EVERYWHERE.format(table) for table in ONLY_ADDED)):
        op.get_bind().exec_driver_sql(statements)

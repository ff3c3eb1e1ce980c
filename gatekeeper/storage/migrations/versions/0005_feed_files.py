"""The feed of distribution records as files."""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = """
CREATE TABLE feed_file (
    program TEXT NOT NULL,
    number INTEGER NOT NULL,
    first_sequence BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    quantity BIGINT NOT NULL,
    through DATE NOT NULL,
    layout BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    size BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (program, number),
    CONSTRAINT feed_file_first_sequence UNIQUE (program, first_sequence)
);

COMMENT ON TABLE feed_file IS 'A file of a program''s feed: which records are in it, by which layout, and the digest of its bytes';

CREATE TABLE feed_file_written (
    program TEXT NOT NULL,
    number INTEGER NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (program, number)
);

COMMENT ON TABLE feed_file_written IS 'A file of a program''s feed that stands whole under its name'
"""
ONLY_ADDED = ("feed_file", "feed_file_written")
EVERYWHERE = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {0} ENABLE ALWAYS TRIGGER only_added
"""


def upgrade() -> None:
    for statements in (TABLES, *(EVERYWHERE.format(table) for table in ONLY_ADDED)):
        op.get_bind().exec_driver_sql(statements)

"""The word of a second person, with name, time and meaning."""

from alembic import op

revision = "0016"
down_revision = "0015"

TABLE = """
CREATE TABLE approval (
    kind TEXT NOT NULL,
    about TEXT NOT NULL,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    meaning TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (kind, about)
);

COMMENT ON TABLE approval IS
    'The word of a second person on a site alias, a snapshot with loss, a correction or a bypass: who, when, and what it means';

CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON approval FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE approval ENABLE ALWAYS TRIGGER only_added;

COMMENT ON TABLE inquiry IS
    'A call of the API that showed patients'' pseudonyms, or asked what the gate would answer, or said what became of records'
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)

"""An order in the list is open to whoever may see a line of it that is open. The list is made anew."""

from alembic import op

revision = "0029"
down_revision = "0028"

CHANGE = """
TRUNCATE moving_listed_up_to, moving_listed_order, moving_listed_line, moving_listed_kind, moving_listed_term, moving_listed_addressee,
    moving_listed_word;

ALTER TABLE moving_listed_order ADD opened BYTEA NOT NULL;

ALTER TABLE moving_listed_line ADD program_since TIMESTAMP WITH TIME ZONE;

CREATE INDEX moving_listed_line_program ON moving_listed_line (kind, program_since, place) WHERE program_since IS NOT NULL;

ALTER TABLE moving_listed_kind DROP open, DROP lines, ADD opened TEXT NOT NULL, ADD lines BIGINT NOT NULL;

CREATE UNIQUE INDEX moving_listed_kind_said ON moving_listed_kind (wholesaler_id, program, outcome, reasons, opened);

COMMENT ON TABLE moving_listed_kind IS
    'What lines in the list have in common (no program is an empty one, reasons have commas between; opened are the programs of '
    'their order''s open lines, with commas around), and how many lines have it'
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CHANGE)

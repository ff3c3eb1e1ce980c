"""An order keeps its place in the list whatever revision comes; open ones are listed by since when they are. The list is made anew."""

from alembic import op

revision = "0027"
down_revision = "0026"

CHANGE = """
TRUNCATE moving_listed_up_to, moving_listed_order, moving_listed_line, moving_listed_kind, moving_listed_term, moving_listed_addressee,
    moving_listed_word;

ALTER TABLE moving_listed_line ADD COLUMN open_since TIMESTAMP WITH TIME ZONE;

CREATE INDEX moving_listed_line_open ON moving_listed_line (kind, open_since, place) WHERE open_since IS NOT NULL;

COMMENT ON TABLE moving_listed_order IS
    'An order at its highest revision, as the list shows it; its place is the examination of its first message'
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CHANGE)

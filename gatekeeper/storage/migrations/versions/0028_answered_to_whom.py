"""What was answered is answered again to whoever may still see it; who read an order's records is found by their sequences."""

from alembic import op

revision = "0028"
down_revision = "0027"

# Of what was answered before nobody knows for which tokens: it is answered again to those that are limited to nothing.
TO_WHOM = """
ALTER TABLE moving_answered_call ADD limits BYTEA NOT NULL DEFAULT '[[true,[]],[true,[]]]';

ALTER TABLE moving_answered_call ALTER limits DROP DEFAULT;

CREATE INDEX inquiry_sequences ON inquiry USING gist (int8range(first_sequence, greatest(last_sequence + 1, first_sequence)))
    WHERE first_sequence IS NOT NULL
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TO_WHOM)

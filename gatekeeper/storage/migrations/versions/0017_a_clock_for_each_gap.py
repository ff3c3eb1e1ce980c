"""Each gap of what a registry sent has its own clock, and its own alert."""

from alembic import op

revision = "0017"
down_revision = "0016"

CLOCKS = """
ALTER TABLE moving_sequence
    ADD since TIMESTAMP WITH TIME ZONE[] NOT NULL DEFAULT '{}', ADD said BOOLEAN[] NOT NULL DEFAULT '{}';

UPDATE moving_sequence SET
    since = array_fill(missing_since, ARRAY[(SELECT count(*)::int FROM unnest(received)) - (lower(received) = 1)::int]),
    said = array_fill(alerted, ARRAY[(SELECT count(*)::int FROM unnest(received)) - (lower(received) = 1)::int])
WHERE missing_since IS NOT NULL;

ALTER TABLE moving_sequence DROP missing_since, DROP alerted;

ALTER TABLE moving_sequence RENAME said TO alerted;

ALTER TABLE moving_sequence ALTER since DROP DEFAULT, ALTER alerted DROP DEFAULT;

COMMENT ON TABLE moving_sequence IS
    'Which of a program''s sequences have come, and of each gap since when it is seen, and whether that was said'
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CLOCKS)

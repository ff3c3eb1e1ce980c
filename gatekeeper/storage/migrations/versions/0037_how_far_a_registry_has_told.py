"""Missing is what a registry has told and did not come: a snapshot of some kinds does not say how far it has told."""

from alembic import op

revision = "0037"
down_revision = "0036"

THROUGH = """
ALTER TABLE moving_sequence ADD through BIGINT NOT NULL DEFAULT 0;

UPDATE moving_sequence s SET through = greatest(
    (SELECT max(l.sequence) FROM registry_load l WHERE l.program = s.program
     AND l.covers @> ARRAY['site', 'patient', 'prescriber', 'authorization', 'recall', 'program']),
    (SELECT max(f.sequence) FROM fact f JOIN registry_batch b ON b.id = f.load WHERE f.program = s.program AND b.origin = 'topic'),
    (SELECT max(h.sequence) FROM heartbeat h WHERE h.program = s.program),
    0);

UPDATE moving_sequence SET since = since[1:gaps], alerted = alerted[1:gaps]
FROM (
    SELECT program AS of, (
        SELECT count(*)::int FROM unnest(int8multirange(int8range(1, through + 1)) - received)
    ) AS gaps FROM moving_sequence
) g WHERE g.of = program;

ALTER TABLE moving_sequence ALTER through DROP DEFAULT;

COMMENT ON TABLE moving_sequence IS
    'Which of a program''s sequences have come, how far it has told, and of each gap since when it is seen, and if that was said'
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(THROUGH)

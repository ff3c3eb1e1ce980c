"""The registry lives: facts by topic, what follows from them, and what is kept of both.

What moves and takes another form is made anew: open lines are judged again at once, for what they hang on was not kept for all.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE TABLE registry_batch (
    id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    origin TEXT NOT NULL,
    facts BIGINT NOT NULL,
    facts_digest BYTEA NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (version)
);

COMMENT ON TABLE registry_batch IS 'Facts that came one by one, by topic or approved here: from then on the registry has this version';

CREATE TABLE heartbeat (
    source SMALLINT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    program TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (source, partition, "offset")
);

COMMENT ON TABLE heartbeat IS 'A registry said that everything up to this sequence had been sent';

CREATE TABLE aside (
    source SMALLINT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    why TEXT NOT NULL,
    body BYTEA NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (source, partition, "offset")
);

COMMENT ON TABLE aside IS 'A message that was read and kept, and changes nothing';

CREATE TABLE shipment_event (
    source SMALLINT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    wholesaler_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    revision SMALLINT NOT NULL,
    event TEXT NOT NULL,
    digest BYTEA NOT NULL,
    body BYTEA NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (source, partition, "offset"),
    CONSTRAINT shipment_event_identity UNIQUE (event_id, wholesaler_id)
);

CREATE INDEX shipment_event_order ON shipment_event (order_id, wholesaler_id);

COMMENT ON TABLE shipment_event IS 'What the warehouse said became of the goods of an order';

CREATE TABLE refused_file (
    id BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    program TEXT,
    problem TEXT NOT NULL,
    size BIGINT NOT NULL,
    kept BIGINT NOT NULL,
    header BYTEA,
    confirmable BOOLEAN NOT NULL,
    person TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX refused_file_sha256 ON refused_file (sha256);

COMMENT ON TABLE refused_file IS 'A snapshot file that was refused, why, and how much of it was kept';

CREATE TABLE file_piece (
    sha256 TEXT NOT NULL,
    number INTEGER NOT NULL,
    bytes BYTEA NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (sha256, number)
);

COMMENT ON TABLE file_piece IS 'A piece of a refused file';

CREATE TABLE file_confirmation (
    sha256 TEXT NOT NULL,
    person TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (sha256)
);

COMMENT ON TABLE file_confirmation IS 'A person confirmed that the sites that a file loses are really lost';

CREATE TABLE site_alias (
    alias_id UUID NOT NULL,
    program TEXT NOT NULL,
    site_id TEXT NOT NULL,
    wholesaler_id TEXT NOT NULL,
    body BYTEA NOT NULL,
    person TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (alias_id)
);

COMMENT ON TABLE site_alias IS 'One more address or account of a site for one wholesaler, as a person proposed it';

CREATE TABLE site_alias_decision (
    alias_id UUID NOT NULL,
    number SMALLINT NOT NULL,
    decision TEXT NOT NULL,
    reason TEXT NOT NULL,
    person TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (alias_id, number)
);

COMMENT ON TABLE site_alias_decision IS 'What another person made of a proposed alias: approved, refused, withdrawn';

CREATE TABLE look_back (
    id BIGINT NOT NULL,
    fact BIGINT NOT NULL,
    kind TEXT NOT NULL,
    registry_version BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    findings BIGINT NOT NULL,
    alert_id UUID,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (id)
);

COMMENT ON TABLE look_back IS 'Decided lines that were looked at again because of one fact: how many, and how many were found';

CREATE TABLE finding (
    look_back BIGINT NOT NULL,
    examination BIGINT NOT NULL,
    line SMALLINT NOT NULL,
    body BYTEA NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (look_back, examination, line)
);

COMMENT ON TABLE finding IS 'A line that a look-back found, with what was known when it was decided';

CREATE TABLE outbox (
    number BIGINT NOT NULL,
    examination BIGINT,
    alert_id UUID,
    source SMALLINT,
    partition INTEGER,
    "offset" BIGINT,
    block BIGINT NOT NULL,
    PRIMARY KEY (number)
);

CREATE INDEX outbox_examination ON outbox (examination);

COMMENT ON TABLE outbox IS 'What the relay publishes, in this order; where a position is named, only after the answer to it was published';

CREATE TABLE moving_sequence (
    program TEXT NOT NULL,
    received INT8MULTIRANGE NOT NULL,
    missing_since TIMESTAMP WITH TIME ZONE,
    alerted BOOLEAN NOT NULL,
    PRIMARY KEY (program)
);

COMMENT ON TABLE moving_sequence IS 'Which of a program''s sequences have come, since when one is missing, and whether that was said';

CREATE TABLE moving_heartbeat (
    program TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (program, sequence)
);

COMMENT ON TABLE moving_heartbeat IS 'A heartbeat that makes the registry fresh when nothing up to its sequence is missing any more';

CREATE TABLE moving_watched_line (
    examination BIGINT NOT NULL,
    line SMALLINT NOT NULL,
    order_id TEXT NOT NULL,
    wholesaler_id TEXT NOT NULL,
    revision SMALLINT NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (examination, line)
);

CREATE INDEX moving_watched_line_next_at ON moving_watched_line (next_at);

CREATE INDEX moving_watched_line_order ON moving_watched_line (order_id, wholesaler_id);

COMMENT ON TABLE moving_watched_line IS 'A released line whose goods have not left, how long it is watched, when its answer could change';

CREATE TABLE moving_follow_up (
    id BIGSERIAL NOT NULL,
    cause TEXT NOT NULL,
    load BIGINT,
    question BIGINT,
    place BIGINT NOT NULL,
    through BIGINT NOT NULL,
    PRIMARY KEY (id)
);

COMMENT ON TABLE moving_follow_up IS 'Something changed: what hangs on it has still to be found, from this place on';

CREATE TABLE moving_due (
    examination BIGINT NOT NULL,
    cause TEXT NOT NULL,
    PRIMARY KEY (examination)
);

COMMENT ON TABLE moving_due IS 'An examination whose open or watched lines are to be judged again';

CREATE TABLE moving_look_back (
    id BIGINT NOT NULL,
    fact BIGINT NOT NULL,
    kind TEXT NOT NULL,
    place BIGINT NOT NULL,
    through BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    findings BIGINT NOT NULL,
    PRIMARY KEY (id)
);

COMMENT ON TABLE moving_look_back IS 'A look-back under way: up to which examination it has come, and how far it goes';

CREATE TABLE moving_rules (
    program TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (program)
);

COMMENT ON TABLE moving_rules IS 'The rules by which open and watched lines were last judged';
"""

ANEW = """
COMMENT ON TABLE arrival IS 'One message that arrived: what it was, and the examinations that answer it';

ALTER TABLE moving_tail RENAME TO tail_before;
ALTER TABLE tail_before DROP CONSTRAINT moving_tail_pkey, DROP CONSTRAINT moving_tail_one_row;
CREATE TABLE moving_tail (
    "only" BOOLEAN NOT NULL,
    block BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    examination BIGINT NOT NULL,
    registry_version BIGINT NOT NULL,
    outbox BIGINT NOT NULL,
    PRIMARY KEY ("only"),
    CONSTRAINT moving_tail_one_row CHECK ("only")
);

COMMENT ON TABLE moving_tail IS 'Where the ledger ends: the last block, examination, registry version and number of the outbox';
ALTER TABLE moving_tail SET (fillfactor = 10);
INSERT INTO moving_tail ("only", block, hash, at, examination, registry_version, outbox)
SELECT "only", block, hash, at, examination, registry_version, 0 FROM tail_before;
DROP TABLE tail_before;

DROP TABLE moving_site_identifier;
CREATE TABLE moving_site_identifier (
    value TEXT NOT NULL,
    kind TEXT NOT NULL,
    site_id TEXT NOT NULL,
    load BIGINT NOT NULL,
    PRIMARY KEY (value, kind, site_id, load)
);

COMMENT ON TABLE moving_site_identifier IS 'Which sites some fact gives an identifier to; no load writes a row of another';
INSERT INTO moving_site_identifier (value, kind, site_id, load)
SELECT DISTINCT value, kind, subject, load
FROM (SELECT subject, load, convert_from(body, 'UTF8')::jsonb -> 'identifiers' AS identifiers FROM fact WHERE kind = 'site') f,
     jsonb_each(identifiers) i (kind, on_file), jsonb_array_elements_text(on_file) v (value)
WHERE identifiers IS NOT NULL;

ALTER TABLE moving_open_line RENAME TO open_before;
ALTER TABLE open_before DROP CONSTRAINT moving_open_line_pkey;
DROP INDEX moving_open_line_order, moving_open_line_next_day;
CREATE TABLE moving_open_line (
    examination BIGINT NOT NULL,
    line SMALLINT NOT NULL,
    order_id TEXT NOT NULL,
    wholesaler_id TEXT NOT NULL,
    revision SMALLINT NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (examination, line)
);

CREATE INDEX moving_open_line_next_at ON moving_open_line (next_at);

CREATE INDEX moving_open_line_order ON moving_open_line (order_id, wholesaler_id);

COMMENT ON TABLE moving_open_line IS 'A stopped line that may still be released, and when the next day begins that could change its answer';
INSERT INTO moving_open_line (examination, line, order_id, wholesaler_id, revision, next_at)
SELECT examination, line, order_id, wholesaler_id, revision, now() FROM open_before;
DROP TABLE open_before;

DROP TABLE moving_dependency;
CREATE TABLE moving_dependency (
    question BIGINT NOT NULL,
    examination BIGINT NOT NULL,
    PRIMARY KEY (question, examination)
);

COMMENT ON TABLE moving_dependency IS 'What a case looked up, also in vain: the question by the first 8 bytes of its MD5';

INSERT INTO moving_sequence (program, received, missing_since, alerted)
SELECT program, range_agg(int8range(1, sequence, '[]')), NULL, false FROM registry_load
WHERE covers @> ARRAY['site', 'patient', 'prescriber', 'authorization', 'recall', 'program'] GROUP BY program
"""

ONLY_ADDED = (
    "registry_batch", "heartbeat", "aside", "shipment_event", "refused_file", "file_piece", "file_confirmation", "site_alias",
    "site_alias_decision", "look_back", "finding", "outbox",
)  # fmt: skip

EVERYWHERE = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {0} ENABLE ALWAYS TRIGGER only_added
"""


def upgrade() -> None:
    for statements in (TABLES, ANEW, *(EVERYWHERE.format(table) for table in ONLY_ADDED)):
        op.get_bind().exec_driver_sql(statements)

"""The ledger, the registry, and what moves.

Evidence is only ever added: the database itself refuses UPDATE, DELETE and TRUNCATE, whoever asks.
"""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE source (
    id SMALLINT NOT NULL,
    topic_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (topic_id)
);

COMMENT ON TABLE source IS 'A topic that messages came from; one that was deleted and made again is another source';

CREATE TABLE arrival (
    source SMALLINT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    kind TEXT NOT NULL,
    digest BYTEA NOT NULL,
    first_examination BIGINT,
    last_examination BIGINT,
    block BIGINT NOT NULL,
    PRIMARY KEY (source, partition, "offset")
);

COMMENT ON TABLE arrival IS 'One message that arrived: an order, a repeat of one (with the answer it repeats), or refused';

CREATE TABLE examination (
    id BIGINT NOT NULL,
    wholesaler_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    revision SMALLINT NOT NULL,
    number INTEGER NOT NULL,
    cause TEXT NOT NULL,
    digest BYTEA NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    registry_version BIGINT NOT NULL,
    evidence BYTEA NOT NULL,
    released BYTEA,
    stopped BYTEA,
    block BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT examination_identity UNIQUE (order_id, wholesaler_id, revision, number)
);

COMMENT ON TABLE examination IS 'The n-th time an order was judged: the whole case, and the exact bytes of the answer';

CREATE TABLE distribution_record (
    record_id UUID NOT NULL,
    program TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    replaces UUID,
    examination BIGINT NOT NULL,
    units INTEGER NOT NULL,
    body BYTEA NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (record_id),
    CONSTRAINT distribution_record_sequence UNIQUE (program, sequence)
);

CREATE INDEX distribution_record_examination ON distribution_record (examination);

COMMENT ON TABLE distribution_record IS 'A patient-level distribution record, as it is published';

CREATE TABLE alert (
    alert_id UUID NOT NULL,
    kind TEXT NOT NULL,
    examination BIGINT,
    body BYTEA NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (alert_id)
);

CREATE INDEX alert_examination ON alert (examination);

COMMENT ON TABLE alert IS 'Something that a person must look at, as it is published';

CREATE TABLE refusal (
    source SMALLINT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    raw BYTEA NOT NULL,
    body BYTEA NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (source, partition, "offset")
);

COMMENT ON TABLE refusal IS 'A message that could not be read: its bytes, which are never published, and what was said of it';

CREATE TABLE set_aside (
    source SMALLINT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    reason TEXT NOT NULL,
    person TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (source, partition, "offset")
);

COMMENT ON TABLE set_aside IS 'A message that a person took out of a consumer''s way: it is refused when it is read';

CREATE TABLE registry_load (
    id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    program TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    as_of_day DATE NOT NULL,
    fresh_as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    covers TEXT[] NOT NULL,
    facts BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    facts_digest BYTEA NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (version)
);

COMMENT ON TABLE registry_load IS 'A snapshot that was loaded: from then on the registry has this version';

CREATE TABLE fact (
    id BIGINT NOT NULL,
    load BIGINT NOT NULL,
    kind TEXT NOT NULL,
    program TEXT NOT NULL,
    subject TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    effective_on DATE NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX fact_load ON fact (load, id);

CREATE INDEX fact_subject ON fact (subject, kind);

COMMENT ON TABLE fact IS 'What a registry said of one subject from a day on; when it was known is in its load';

CREATE TABLE fact_presence (
    fact BIGINT NOT NULL,
    load BIGINT NOT NULL,
    day DATE NOT NULL,
    present BOOLEAN NOT NULL,
    PRIMARY KEY (fact, load)
);

CREATE INDEX fact_presence_load ON fact_presence (load, fact);

COMMENT ON TABLE fact_presence IS 'From this day on a fact no longer counts, because a snapshot left it out, or counts again';

CREATE TABLE block (
    number BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    registry_version BIGINT NOT NULL,
    rows INTEGER NOT NULL,
    digest BYTEA NOT NULL,
    previous BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (number)
);

COMMENT ON TABLE block IS 'The one chain: what a database transaction recorded, bound to all that was recorded before';

CREATE TABLE moving_head (
    source SMALLINT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset BIGINT NOT NULL,
    PRIMARY KEY (source, partition)
);

COMMENT ON TABLE moving_head IS 'Everything below this offset has been judged';

CREATE TABLE moving_tail (
    "only" BOOLEAN NOT NULL,
    block BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    examination BIGINT NOT NULL,
    registry_version BIGINT NOT NULL,
    PRIMARY KEY ("only"),
    CONSTRAINT moving_tail_one_row CHECK ("only")
);

COMMENT ON TABLE moving_tail IS 'Where the ledger ends: the last block, examination and registry version';

CREATE TABLE moving_record_count (
    program TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (program)
);

COMMENT ON TABLE moving_record_count IS 'The last sequence of a program''s distribution records';

CREATE TABLE moving_freshness (
    program TEXT NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (program)
);

COMMENT ON TABLE moving_freshness IS 'The instant as of which a program''s registry speaks';

CREATE TABLE moving_units (
    authorization_id TEXT NOT NULL,
    program TEXT NOT NULL,
    units INTEGER NOT NULL,
    PRIMARY KEY (authorization_id, program)
);

COMMENT ON TABLE moving_units IS 'Dispensing units released on an authorization, less voided';

CREATE TABLE moving_serial (
    serial TEXT NOT NULL,
    gtin TEXT NOT NULL,
    place TEXT NOT NULL,
    PRIMARY KEY (serial, gtin)
);

COMMENT ON TABLE moving_serial IS 'A serial that is out, and with which line';

CREATE TABLE moving_site_identifier (
    value TEXT NOT NULL,
    kind TEXT NOT NULL,
    site_id TEXT NOT NULL,
    PRIMARY KEY (value, kind, site_id)
);

COMMENT ON TABLE moving_site_identifier IS 'Which sites some fact gives an identifier to';

CREATE TABLE moving_open_line (
    examination BIGINT NOT NULL,
    line SMALLINT NOT NULL,
    order_id TEXT NOT NULL,
    wholesaler_id TEXT NOT NULL,
    revision SMALLINT NOT NULL,
    next_day DATE,
    PRIMARY KEY (examination, line)
);

CREATE INDEX moving_open_line_next_day ON moving_open_line (next_day);

CREATE INDEX moving_open_line_order ON moving_open_line (order_id, wholesaler_id);

COMMENT ON TABLE moving_open_line IS 'A stopped line that may still be released, and the next day that could change its answer';

CREATE TABLE moving_dependency (
    question TEXT NOT NULL,
    examination BIGINT NOT NULL,
    PRIMARY KEY (question, examination)
);

CREATE INDEX moving_dependency_examination ON moving_dependency (examination);

COMMENT ON TABLE moving_dependency IS 'What the case of an open line looked up, also in vain';
"""

ONLY_ADDED = (
    "source", "arrival", "examination", "distribution_record", "alert", "refusal", "set_aside",
    "registry_load", "fact", "fact_presence", "block",
)  # fmt: skip

REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'rows of %% are only ever added', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END$$
"""

# ALWAYS: also where a session says it is a replica. Evidence stays in the row, uncompressed: compressing costs more than it saves.
EVERYWHERE = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {0} ENABLE ALWAYS TRIGGER only_added
"""

SETTINGS = """
ALTER TABLE examination ALTER evidence SET STORAGE EXTERNAL;
ALTER TABLE examination SET (toast_tuple_target = 8160);
ALTER TABLE moving_units SET (fillfactor = 50);
ALTER TABLE moving_tail SET (fillfactor = 10);
CREATE SEQUENCE fact_id;
CREATE SEQUENCE registry_load_id;
INSERT INTO moving_tail ("only", block, hash, at, examination, registry_version)
VALUES (true, 0, sha256('genesis'), '1970-01-01T00:00:00Z', 0, 0)
"""


def upgrade() -> None:
    for statements in (TABLES, REFUSE, *(EVERYWHERE.format(table) for table in ONLY_ADDED), SETTINGS):
        op.get_bind().exec_driver_sql(statements)

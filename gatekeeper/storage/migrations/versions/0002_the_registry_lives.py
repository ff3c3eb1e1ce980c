"""The registry lives: evidence of facts by topic and of people's, of events, of what was looked back at, and an outbox."""

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

COMMENT ON TABLE arrival IS 'One message that arrived: what it was, and the examinations that answer it'
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
    for statements in (TABLES, *(EVERYWHERE.format(table) for table in ONLY_ADDED)):
        op.get_bind().exec_driver_sql(statements)

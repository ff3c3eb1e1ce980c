"""The sites by their names and places, which follow the registry."""

from alembic import op

revision = "0018"
down_revision = "0017"

TABLES = """
CREATE TABLE moving_listed_sites_up_to (
    "only" BOOLEAN NOT NULL,
    registry_version BIGINT NOT NULL,
    fact BIGINT NOT NULL,
    PRIMARY KEY ("only"),
    CONSTRAINT moving_listed_sites_up_to_one_row CHECK ("only")
);

COMMENT ON TABLE moving_listed_sites_up_to IS
    'How far the list of sites has followed the registry: all up to this version, and of the one after it up to this fact';

CREATE TABLE moving_listed_site (
    fact BIGINT NOT NULL,
    program TEXT NOT NULL,
    site_id TEXT NOT NULL,
    effective_on DATE NOT NULL,
    certified BOOLEAN NOT NULL,
    zip_code TEXT,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (fact)
);

CREATE INDEX moving_listed_site_place ON moving_listed_site (zip_code);

CREATE INDEX moving_listed_site_words ON moving_listed_site USING gin (words) WITH (fastupdate = off);

COMMENT ON TABLE moving_listed_site IS 'What a registry said of a site, by the words of its name and address, and by its ZIP code'
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLES)

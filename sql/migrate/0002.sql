-- Schema 2: backups. A backup's row outlives its site's; client and server are then what they were. Rows come from the daemon's
-- facts, a set at a time: scan is the set's number, and shown is set at its end.

CREATE TABLE backup (
    id          VARCHAR(13)  NOT NULL PRIMARY KEY,
    site        VARCHAR(13)  NOT NULL,
    client      BIGINT       NOT NULL REFERENCES client (id),
    server      VARCHAR(13)  NOT NULL,
    name        VARCHAR(253) NOT NULL,
    description VARCHAR(255) NOT NULL DEFAULT '',
    app         VARCHAR(16)  NOT NULL DEFAULT '',
    version     VARCHAR(64)  NOT NULL DEFAULT '',
    holds_db    SMALLINT     NOT NULL DEFAULT 0,
    size        BIGINT       NOT NULL,
    sha256      VARCHAR(64)  NOT NULL,
    made        BIGINT       NOT NULL,
    scan        BIGINT       NOT NULL,
    shown       SMALLINT     NOT NULL DEFAULT 0
);
CREATE INDEX backup_site ON backup (site, made);
CREATE INDEX backup_made ON backup (made);

-- Links to download a backup once, for five minutes; hash: SHA-256 of the link's secret, hex.
CREATE TABLE download (
    hash    VARCHAR(64) NOT NULL PRIMARY KEY,
    backup  VARCHAR(13) NOT NULL,
    expires BIGINT      NOT NULL
);

-- Fields of the task's own, flat JSON, besides those that its object gives.
ALTER TABLE task ADD COLUMN args VARCHAR(1024) NOT NULL DEFAULT '';

UPDATE schema_version SET version = 2;

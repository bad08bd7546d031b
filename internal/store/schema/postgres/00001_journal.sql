-- Every commit is one row of the journal; a snapshot is the state at one
-- revision, so that the journal below it may go. Times are milliseconds since
-- 1970 in UTC. Checksums are CRC-32C of the body.

-- +goose Up
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE journal (
    revision BIGINT PRIMARY KEY,
    id       TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    body     BYTEA  NOT NULL,
    checksum BIGINT NOT NULL
);

-- The one row where the journal ends. Who appends counts it on, and so waits for
-- whoever else appends. The epoch rises each time that a server is promoted.
CREATE TABLE head (
    single   BIGINT PRIMARY KEY CHECK (single = 1),
    revision BIGINT NOT NULL,
    epoch    BIGINT NOT NULL,
    timeline TEXT   NOT NULL
);
INSERT INTO head (single, revision, epoch, timeline)
VALUES (1, 0, 1, SUBSTR(pg_walfile_name(pg_current_wal_lsn()), 1, 8));

-- A row here says that all chunks of the snapshot are there.
CREATE TABLE snapshot (
    revision BIGINT PRIMARY KEY,
    at       BIGINT NOT NULL,
    chunks   BIGINT NOT NULL,
    size     BIGINT NOT NULL
);

CREATE TABLE snapshot_chunk (
    snapshot BIGINT NOT NULL,
    seq      BIGINT NOT NULL,
    body     BYTEA  NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (snapshot, seq)
);

-- How far each follower has come.
CREATE TABLE cursors (
    name     TEXT   PRIMARY KEY,
    revision BIGINT NOT NULL
);

-- When each host, by its number, last asked for an update.
CREATE TABLE seen (
    host BIGINT PRIMARY KEY,
    at   BIGINT NOT NULL
);

-- Which process does what only one may do, and until when unless it says so again.
CREATE TABLE leases (
    name   TEXT   PRIMARY KEY,
    holder TEXT   NOT NULL,
    until  BIGINT NOT NULL
);

-- +goose Down
DROP TABLE leases;
DROP TABLE seen;
DROP TABLE cursors;
DROP TABLE snapshot_chunk;
DROP TABLE snapshot;
DROP TABLE head;
DROP TABLE journal;
DROP TABLE meta;

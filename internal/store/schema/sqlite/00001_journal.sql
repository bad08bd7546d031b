-- Every commit is one row of the journal; a snapshot is the state at one
-- revision, so that the journal below it may go. Times are milliseconds since
-- 1970 in UTC. Checksums are CRC-32C of the body.
--
-- INTEGER PRIMARY KEY is SQLite's own number of a row; as BIGINT, the name of the
-- type in PostgreSQL, a number would have an index beside the table, and a commit
-- would write one page more.

-- +goose Up
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE journal (
    revision INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL,
    at       BIGINT  NOT NULL,
    body     BYTEA   NOT NULL,
    checksum BIGINT  NOT NULL
);

-- A row here says that all chunks of the snapshot are there.
CREATE TABLE snapshot (
    revision INTEGER PRIMARY KEY,
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
    host INTEGER PRIMARY KEY,
    at   BIGINT NOT NULL
);

-- +goose Down
DROP TABLE seen;
DROP TABLE cursors;
DROP TABLE snapshot_chunk;
DROP TABLE snapshot;
DROP TABLE journal;
DROP TABLE meta;

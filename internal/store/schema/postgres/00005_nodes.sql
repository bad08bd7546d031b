-- The processes that use this database, as each of them says of itself now and then.
-- Times are milliseconds since 1970 in UTC, by the clock of the database.

-- +goose Up
CREATE TABLE nodes (
    id        TEXT   PRIMARY KEY,
    name      TEXT   NOT NULL,
    version   TEXT   NOT NULL,
    roles     TEXT   NOT NULL,
    addresses TEXT   NOT NULL,
    revision  BIGINT NOT NULL,
    behind    BIGINT NOT NULL,
    late      BIGINT NOT NULL,
    started   BIGINT NOT NULL,
    seen      BIGINT NOT NULL
);

-- +goose Down
DROP TABLE nodes;

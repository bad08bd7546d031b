-- What is no longer so. Times are milliseconds since 1970 in UTC, addresses 4 or 16
-- octets.

-- +goose Up

-- What a host's addresses of one family were from a moment on; without any, it had none.
CREATE TABLE address_change (
    name      BYTEA  NOT NULL,
    family    BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    addresses BYTEA  NOT NULL,
    account   BIGINT NOT NULL,
    key       BIGINT NOT NULL,
    via       TEXT   NOT NULL,
    PRIMARY KEY (name, family, at)
);

-- The same by address: who had it, and since when.
CREATE TABLE address_use (
    address BYTEA  NOT NULL,
    at      BIGINT NOT NULL,
    name    BYTEA  NOT NULL,
    PRIMARY KEY (address, at, name)
);

-- For prefixes that very many had.
CREATE INDEX address_use_latest ON address_use (at DESC, name, address);

-- What people did. The number orders those of one moment.
CREATE TABLE deed (
    id      TEXT   COLLATE "C" PRIMARY KEY,
    at      BIGINT NOT NULL,
    actor   BIGINT NOT NULL,
    via     TEXT   NOT NULL,
    source  TEXT   NOT NULL,
    verb    TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    account BIGINT NOT NULL,
    detail  TEXT   NOT NULL
);
CREATE INDEX deed_account ON deed (account, id);
CREATE INDEX deed_actor ON deed (actor, id);
CREATE INDEX deed_subject ON deed (subject, id);

-- +goose Down
DROP TABLE deed;
DROP TABLE address_use;
DROP TABLE address_change;

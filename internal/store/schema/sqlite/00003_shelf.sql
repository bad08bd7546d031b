-- +goose Up

-- Small records of other rooms, see package shelf. Due is 0 for never, passing 1 for
-- what a restored backup must not bring back. Kinds and IDs are printable ASCII and
-- sort by their octets.
CREATE TABLE shelf (
    kind    TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    account BIGINT NOT NULL,
    due     BIGINT NOT NULL,
    version BIGINT NOT NULL,
    passing BIGINT NOT NULL,
    body    BYTEA  NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE INDEX shelf_due ON shelf (kind, due);
CREATE INDEX shelf_account ON shelf (account, kind, id);

-- +goose Down
DROP TABLE shelf;

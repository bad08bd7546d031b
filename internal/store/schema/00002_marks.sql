-- +goose Up

-- Names that a follower still has to carry, or that it has carried away: what it keeps
-- beside its cursor. Types are numbers of two octets each.
CREATE TABLE marks (
    follower TEXT   NOT NULL,
    name     BYTEA  NOT NULL,
    types    BYTEA  NOT NULL,
    stage    BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (follower, name)
);

-- +goose Down
DROP TABLE marks;

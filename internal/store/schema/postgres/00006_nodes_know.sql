-- Which step of the schema each node knows; those that do not say so know the one before.

-- +goose Up
ALTER TABLE nodes ADD COLUMN knows BIGINT NOT NULL DEFAULT 5;

-- +goose Down
ALTER TABLE nodes DROP COLUMN knows;

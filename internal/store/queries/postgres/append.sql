-- One commit, if the journal ends where the writer believes. The row of head is
-- locked until the transaction ends, so commits have one order and no gaps.
WITH moved AS (
    UPDATE head SET revision = $1 WHERE revision = $6 AND epoch = $7 RETURNING revision
)
INSERT INTO journal (revision, id, at, body, checksum)
SELECT revision, $2, $3, $4, $5 FROM moved

-- Nodes that were silent for long (or spoke before the clock went back), and what a node was before it started again.
DELETE FROM nodes WHERE id <> $1
    AND (ABS(CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) - seen) > $2
        OR name = $3 AND ABS(CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) - seen) > $4)

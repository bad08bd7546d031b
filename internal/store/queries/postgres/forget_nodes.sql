-- Nodes that were silent for long, and what a node was before it started again.
DELETE FROM nodes WHERE id <> $1
    AND (seen < CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) - $2
        OR name = $3 AND seen < CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) - $4)

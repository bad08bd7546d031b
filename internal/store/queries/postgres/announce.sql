-- What a node says of itself; how far it is behind is compared at this moment.
WITH clock AS (SELECT CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) AS now)
INSERT INTO nodes (id, name, version, roles, addresses, revision, started, knows, behind, late, seen)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, GREATEST(head.revision - $6, 0),
    GREATEST(COALESCE(clock.now - (SELECT at FROM journal WHERE journal.revision = $6 + 1), 0), 0), clock.now
FROM head, clock
ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version, roles = excluded.roles,
    addresses = excluded.addresses, revision = excluded.revision, started = excluded.started, knows = excluded.knows,
    behind = excluded.behind, late = excluded.late, seen = excluded.seen

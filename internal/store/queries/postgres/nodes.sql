-- One that spoke before the clock went back is silent for as long as one that spoke so long ago.
SELECT id, name, version, roles, addresses, revision, behind, late, started,
    ABS(CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) - seen)
FROM nodes ORDER BY name, id

SELECT id, name, version, roles, addresses, revision, behind, late, started,
    CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) - seen
FROM nodes ORDER BY name, id

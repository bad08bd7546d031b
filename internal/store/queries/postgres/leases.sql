-- Who has which lease that is not over.
SELECT name, holder FROM leases
WHERE until >= CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) ORDER BY name

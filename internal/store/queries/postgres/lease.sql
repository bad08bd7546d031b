-- Takes a lease that is free, or renews ours; by the clock of the database. One that ends
-- much later than any can was taken before that clock went back.
INSERT INTO leases (name, holder, until)
VALUES ($1, $2, CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) + $3)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE leases.holder = excluded.holder OR leases.until < excluded.until - $3 OR leases.until > excluded.until + $3

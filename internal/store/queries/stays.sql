-- Some uses of addresses from $1 to $2, which have $4 octets, that began before $3, the latest first; with
-- what the host was then, and until when: until its next change. Only those on the page are looked up.
-- The sums keep the database from going through all by time (late_stays.sql).
WITH used AS (
    SELECT address, at, name FROM address_use
    WHERE address >= $1 AND address <= $2 AND at + 0 <= $3 AND length(address) = $4
    ORDER BY at + 0 DESC, name, address LIMIT $5 OFFSET $6
)
SELECT u.name, u.address, u.at, COALESCE(c.account, 0), COALESCE(c.key, 0), COALESCE(c.via, ''), c.at IS NOT NULL,
    (SELECT MIN(n.at) FROM address_change n WHERE n.name = c.name AND n.family = c.family AND n.at > c.at)
FROM used u
LEFT JOIN address_change c ON c.name = u.name AND c.family = $7 AND c.at = u.at
ORDER BY u.at DESC, u.name, u.address

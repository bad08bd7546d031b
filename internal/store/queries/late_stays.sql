-- The same as stays.sql, for a prefix that very many had: it reads uses the latest first until there are enough,
-- rather than all of the prefix to sort them. The function keeps the database from that.
WITH used AS (
    SELECT address, at, name FROM address_use
    WHERE substr(address, 1) >= $1 AND substr(address, 1) <= $2 AND at <= $3 AND length(address) = $4
    ORDER BY at DESC, name, address LIMIT $5 OFFSET $6
)
SELECT u.name, u.address, u.at, COALESCE(c.account, 0), COALESCE(c.key, 0), COALESCE(c.via, ''), c.at IS NOT NULL,
    (SELECT MIN(n.at) FROM address_change n WHERE n.name = c.name AND n.family = c.family AND n.at > c.at)
FROM used u
LEFT JOIN address_change c ON c.name = u.name AND c.family = $7 AND c.at = u.at
ORDER BY u.at DESC, u.name, u.address

-- Whether there are more than $5 uses of addresses from $1 to $2, which have $4 octets, that began before $3.
SELECT COUNT(*) > $5 FROM (
    SELECT 1 AS one FROM address_use
    WHERE address >= $1 AND address <= $2 AND at <= $3 AND length(address) = $4
    LIMIT $5 + 1
) AS counted

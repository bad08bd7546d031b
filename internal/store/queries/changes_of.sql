-- Some changes of hosts that were an account's, and what became of the names when nobody had them.
SELECT name, family, at, addresses FROM address_change
WHERE account = $1 OR account = 0 AND name IN (SELECT name FROM address_change WHERE account = $1)
LIMIT $2

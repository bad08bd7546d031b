DELETE FROM address_change WHERE name = $1 AND family = $2 AND at = $3

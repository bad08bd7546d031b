DELETE FROM address_use WHERE address = $1 AND at = $2 AND name = $3

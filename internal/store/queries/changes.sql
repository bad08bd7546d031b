SELECT family, at, addresses, account, key, via FROM address_change WHERE name = $1 ORDER BY at DESC, family LIMIT $2

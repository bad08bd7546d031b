INSERT INTO address_change (name, family, at, addresses, account, key, via) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (name, family, at) DO UPDATE SET addresses = excluded.addresses, account = excluded.account, key = excluded.key, via = excluded.via

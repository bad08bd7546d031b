INSERT INTO address_use (address, at, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

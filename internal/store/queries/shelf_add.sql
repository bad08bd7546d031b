INSERT INTO shelf (kind, id, account, due, version, passing, body) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (kind, id) DO NOTHING

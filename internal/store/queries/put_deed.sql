INSERT INTO deed (id, at, actor, via, source, verb, subject, account, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING

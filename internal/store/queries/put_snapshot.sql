INSERT INTO snapshot (revision, at, chunks, size) VALUES ($1, $2, $3, $4)

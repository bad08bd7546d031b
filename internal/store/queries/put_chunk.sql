INSERT INTO snapshot_chunk (snapshot, seq, body, checksum) VALUES ($1, $2, $3, $4)

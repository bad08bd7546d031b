-- Chunks of a snapshot that does not count, from one on.
DELETE FROM snapshot_chunk
WHERE snapshot = $1 AND seq >= $2 AND snapshot NOT IN (SELECT revision FROM snapshot)

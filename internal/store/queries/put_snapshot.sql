-- If all its chunks are there.
INSERT INTO snapshot (revision, at, chunks, size)
SELECT $1, $2, $3, $4
WHERE $3 = (SELECT COUNT(*) FROM snapshot_chunk WHERE snapshot = $1)

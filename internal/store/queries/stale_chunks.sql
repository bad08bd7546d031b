-- Chunks of dropped snapshots, and of one that was never finished.
SELECT snapshot, MAX(seq) FROM snapshot_chunk
WHERE snapshot NOT IN (SELECT revision FROM snapshot)
GROUP BY snapshot

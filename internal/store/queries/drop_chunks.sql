DELETE FROM snapshot_chunk WHERE snapshot = $1 AND seq >= $2

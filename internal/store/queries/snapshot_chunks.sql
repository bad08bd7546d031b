SELECT seq, body, checksum FROM snapshot_chunk WHERE snapshot = $1 ORDER BY seq

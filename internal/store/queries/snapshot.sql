-- The newest snapshot.
SELECT revision, chunks, size FROM snapshot ORDER BY revision DESC LIMIT 1

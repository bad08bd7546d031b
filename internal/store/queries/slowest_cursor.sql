-- The slowest follower, not counting those that are hopelessly behind.
SELECT MIN(revision) FROM cursors WHERE revision >= $1

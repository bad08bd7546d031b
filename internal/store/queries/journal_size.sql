-- Octets of the journal after a revision, and where it ends.
SELECT COALESCE(SUM(LENGTH(body)), 0), COALESCE(MAX(revision), 0) FROM journal WHERE revision > $1

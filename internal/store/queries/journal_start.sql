-- The first revision that the journal still holds; 0 when it is empty.
SELECT COALESCE(MIN(revision), 0) FROM journal

-- All but the newest.
DELETE FROM snapshot WHERE revision < (SELECT MAX(revision) FROM snapshot)

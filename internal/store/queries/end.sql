-- The revision at which the journal ends; the snapshot may have outlived it.
SELECT COALESCE(MAX(revision), 0)
FROM (SELECT MAX(revision) AS revision FROM journal UNION ALL SELECT MAX(revision) FROM snapshot) AS ends

-- One commit, if the journal ends where the writer believes.
INSERT INTO journal (revision, id, at, body, checksum)
SELECT $1, $2, $3, $4, $5
WHERE $6 = (
    SELECT COALESCE(MAX(revision), 0)
    FROM (SELECT MAX(revision) AS revision FROM journal UNION ALL SELECT MAX(revision) FROM snapshot) AS ends
)
ON CONFLICT (revision) DO NOTHING

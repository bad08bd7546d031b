-- When something last happened.
SELECT COALESCE(MAX(at), 0)
FROM (SELECT MAX(at) AS at FROM journal UNION ALL SELECT MAX(at) FROM snapshot) AS times

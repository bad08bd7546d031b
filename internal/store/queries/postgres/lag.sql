-- How far somebody is behind who shows revision $1.
SELECT GREATEST(revision - $1, 0),
    GREATEST(COALESCE(CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT)
        - (SELECT at FROM journal WHERE journal.revision = $1 + 1), 0), 0)
FROM head

SELECT COALESCE(SUM(LENGTH(body)), 0) FROM journal WHERE revision > $1

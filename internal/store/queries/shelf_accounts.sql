SELECT DISTINCT account FROM shelf WHERE account > $1 ORDER BY account LIMIT $2

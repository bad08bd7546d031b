SELECT kind, id, account, due, version, passing, body FROM shelf
WHERE account = $1 AND kind = $2 ORDER BY id

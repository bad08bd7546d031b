SELECT kind, id, account, due, version, passing, body FROM shelf
WHERE kind = $1 AND due > 0 AND due <= $2 ORDER BY due, id LIMIT $3

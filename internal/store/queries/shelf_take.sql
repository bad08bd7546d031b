DELETE FROM shelf WHERE kind = $1 AND id = $2
RETURNING kind, id, account, due, version, passing, body

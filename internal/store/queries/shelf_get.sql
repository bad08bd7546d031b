SELECT kind, id, account, due, version, passing, body FROM shelf WHERE kind = $1 AND id = $2

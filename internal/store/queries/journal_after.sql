SELECT revision, id, at, body, checksum FROM journal WHERE revision > $1 ORDER BY revision LIMIT $2

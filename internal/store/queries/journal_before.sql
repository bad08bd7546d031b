SELECT revision, id, at, body, checksum FROM journal WHERE revision <= $1 ORDER BY revision DESC LIMIT $2

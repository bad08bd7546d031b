SELECT revision, LENGTH(body) FROM journal ORDER BY revision DESC

INSERT INTO seen (host, at) VALUES ($1, $2)
ON CONFLICT (host) DO UPDATE SET at = excluded.at WHERE excluded.at > seen.at

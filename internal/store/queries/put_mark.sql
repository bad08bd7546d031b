INSERT INTO marks (follower, name, types, stage, at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (follower, name) DO UPDATE SET types = excluded.types, stage = excluded.stage, at = excluded.at

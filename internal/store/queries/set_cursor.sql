INSERT INTO cursors (name, revision) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET revision = excluded.revision

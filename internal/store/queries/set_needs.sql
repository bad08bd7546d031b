INSERT INTO meta (key, value) VALUES ('needs', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value

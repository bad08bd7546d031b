INSERT INTO meta (key, value) VALUES ('lineage', $1) ON CONFLICT (key) DO NOTHING

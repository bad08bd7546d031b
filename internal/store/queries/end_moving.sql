-- What was moved is whole: it has the lineage of where it came from.
UPDATE meta SET key = 'lineage' WHERE key = 'moving' AND value = $1

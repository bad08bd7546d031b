-- A write that changes nothing and fails when the disk does.
UPDATE meta SET value = value WHERE key = 'lineage'

-- Who first meets a server that was promoted counts the epoch on; its timeline is
-- the first part of the names of its write-ahead log.
UPDATE head SET epoch = epoch + 1, timeline = SUBSTR(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
WHERE timeline <> SUBSTR(pg_walfile_name(pg_current_wal_lsn()), 1, 8);
SELECT epoch, current_setting('synchronous_commit') FROM head

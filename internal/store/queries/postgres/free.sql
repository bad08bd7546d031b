-- Whether others may work with the data.
SELECT pg_try_advisory_xact_lock_shared(hashtextextended('stayput_' || current_schema(), 1))

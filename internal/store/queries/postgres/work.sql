-- Says until the session ends that somebody works with the data.
SELECT pg_try_advisory_lock_shared(hashtextextended('stayput_' || current_schema(), 1))

-- Keeps all others from the data until the session ends.
SELECT pg_try_advisory_lock(hashtextextended('stayput_' || current_schema(), 1))

-- One process at a time, until its transaction ends, however long that takes.
SELECT set_config('lock_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true),
    pg_advisory_xact_lock(hashtextextended('stayput_' || current_schema(), 0))

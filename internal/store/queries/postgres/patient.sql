-- Until the transaction ends, its reader may take its time.
SELECT set_config('idle_in_transaction_session_timeout', '0', true)

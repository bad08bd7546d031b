-- Whoever may not see them all finds rows without a state.
SELECT COALESCE(application_name, ''), COALESCE(state, ''), COALESCE(sync_state, '') FROM pg_stat_replication ORDER BY 1

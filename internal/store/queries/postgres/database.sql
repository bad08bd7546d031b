-- Nodes that write say every two seconds how they are: where that is old, so is all else.
SELECT current_setting('server_version'), pg_is_in_recovery(), current_setting('synchronous_standby_names'),
    CASE WHEN pg_is_in_recovery()
        THEN GREATEST(COALESCE(CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) - (SELECT MAX(seen) FROM nodes), 0), 0)
        ELSE 0 END

-- Whether this server and this role take what a node says of itself.
SELECT current_setting('transaction_read_only') = 'off'
    AND has_table_privilege('nodes', 'INSERT') AND has_table_privilege('nodes', 'UPDATE') AND has_table_privilege('nodes', 'DELETE')

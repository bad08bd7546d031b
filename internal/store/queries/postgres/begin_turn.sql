-- The server ends it by itself where the one whose turn it is was cut off.
BEGIN; SET LOCAL idle_in_transaction_session_timeout = '2s'

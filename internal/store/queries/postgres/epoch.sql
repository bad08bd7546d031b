-- What meet.sql tells, for whoever may not write.
SELECT epoch, current_setting('synchronous_commit') FROM head

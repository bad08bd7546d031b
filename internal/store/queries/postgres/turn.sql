-- Nobody else appends until the transaction ends.
SELECT revision, epoch FROM head FOR UPDATE

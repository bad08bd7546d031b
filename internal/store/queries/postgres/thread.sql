-- Where the journal ends and in which epoch, with the commit that it has at a revision.
SELECT revision, epoch, COALESCE((SELECT id FROM journal WHERE revision = $1), '') FROM head

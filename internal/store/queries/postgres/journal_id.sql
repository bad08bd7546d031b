SELECT id FROM journal WHERE revision = $1

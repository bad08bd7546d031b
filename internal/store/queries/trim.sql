DELETE FROM journal WHERE revision <= $1

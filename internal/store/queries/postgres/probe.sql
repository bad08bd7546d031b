-- A write that changes nothing and fails when the database cannot be written.
UPDATE head SET revision = revision WHERE revision = $1 AND epoch = $2

-- Some of the marks of a follower.
DELETE FROM marks WHERE follower = $1 AND name IN (SELECT name FROM marks WHERE follower = $1 LIMIT $2)

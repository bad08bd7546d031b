SELECT COUNT(*) FROM marks WHERE follower = $1 AND name = $2 AND stage = $3

DELETE FROM marks WHERE follower = $1 AND name = $2

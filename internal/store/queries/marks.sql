SELECT name, types, stage, at FROM marks WHERE follower = $1 ORDER BY name

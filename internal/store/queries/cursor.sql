SELECT revision FROM cursors WHERE name = $1

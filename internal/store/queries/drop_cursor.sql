DELETE FROM cursors WHERE name = $1

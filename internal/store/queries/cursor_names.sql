SELECT name FROM cursors

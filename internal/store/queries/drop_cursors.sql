DELETE FROM cursors

-- Who has kept how far they have come, or marks.
SELECT name FROM cursors UNION SELECT follower FROM marks

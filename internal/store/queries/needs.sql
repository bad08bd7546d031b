-- Which step of the schema a version must know to use the data.
SELECT value FROM meta WHERE key = 'needs'

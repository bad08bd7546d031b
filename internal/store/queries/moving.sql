SELECT value FROM meta WHERE key = 'moving'

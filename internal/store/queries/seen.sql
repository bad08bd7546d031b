SELECT host, at FROM seen

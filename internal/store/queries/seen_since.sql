SELECT host, at FROM seen WHERE at >= $1

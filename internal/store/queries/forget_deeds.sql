DELETE FROM deed WHERE account = $1 OR actor = $1

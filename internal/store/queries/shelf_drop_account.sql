DELETE FROM shelf WHERE account = $1

DELETE FROM shelf WHERE passing = 1

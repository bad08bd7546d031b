DELETE FROM shelf WHERE kind = $1 AND due > 0 AND due <= $2

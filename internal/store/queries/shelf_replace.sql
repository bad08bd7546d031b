UPDATE shelf SET account = $1, due = $2, version = $3, passing = $4, body = $5
WHERE kind = $6 AND id = $7 AND version = $8

-- Some changes that another one of the same host had followed before $1.
SELECT c.name, c.family, c.at, c.addresses FROM address_change c
WHERE c.at < $1 AND EXISTS (
    SELECT 1 FROM address_change n WHERE n.name = c.name AND n.family = c.family AND n.at > c.at AND n.at < $1)
LIMIT $2

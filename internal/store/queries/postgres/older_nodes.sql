-- Nodes that do not know a step of the schema, also those that have been silent for a while.
SELECT name || ' (' || version || ')' FROM nodes WHERE knows < $1 ORDER BY name

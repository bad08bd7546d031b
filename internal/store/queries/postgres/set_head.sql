UPDATE head SET revision = $1

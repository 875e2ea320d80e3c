"""Documents: their schema, and the JSON they are written in."""

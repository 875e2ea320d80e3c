"""Options of a request, from its query, its form or its JSON."""

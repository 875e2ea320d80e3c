"""Request options, from the query, form fields or JSON."""

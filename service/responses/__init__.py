"""HTTP responses from the results of engines."""

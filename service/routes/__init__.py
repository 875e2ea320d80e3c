"""Routes of /v1, one resource per file."""

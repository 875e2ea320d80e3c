"""The resources of /v1, one a file."""

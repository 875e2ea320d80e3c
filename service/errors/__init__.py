"""Mapping of domain errors to HTTP problem documents and status codes, for both protocols."""

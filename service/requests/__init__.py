"""Requests, from bytes to typed values: bodies, forms, uploads, payloads bound to inputs."""

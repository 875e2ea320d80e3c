"""Engines on a Ray cluster: actors that run an engine each."""

"""Engines on a Ray cluster: actors that run an engine each. The only user of Ray beside `service.cluster`."""

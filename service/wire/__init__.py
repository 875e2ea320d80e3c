"""Encoders of tensors, independent of requests."""

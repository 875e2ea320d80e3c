"""Encoders of tensors; they know no request."""

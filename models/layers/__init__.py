"""The catalogue of allowed layers."""

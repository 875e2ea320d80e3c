"""Checks and chunked parsing of JSON text: duplicate keys, limits, large arrays of numbers."""

"""JSON text, looked at before it is parsed: keys, depth, numbers."""

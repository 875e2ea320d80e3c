"""Results, from tensors of an engine to HTTP."""

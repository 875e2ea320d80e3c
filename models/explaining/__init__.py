"""Analyses of runs: what their activations alone do not say. NumPy on the tensors that an engine computes."""

"""Comparison of two runs, tensor by tensor: the pairs, how far each lies apart, and where they first diverge."""

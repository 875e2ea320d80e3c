"""Explanations computed with TensorFlow: compiled gradients of targets, and what methods ask of them."""

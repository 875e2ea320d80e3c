"""The front: HTTP without TensorFlow."""

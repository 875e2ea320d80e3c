"""Readers of network descriptions: documents, Keras' JSON, TensorFlow.js, names of applications."""

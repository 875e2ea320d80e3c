"""Reading whatever describes a network: documents, Keras' JSON, TensorFlow.js, names of applications."""

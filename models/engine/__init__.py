"""The engine: the only code that imports TensorFlow and Keras. `messages` and `channel` are shared with the front and import neither."""

"""The engine: the only code that imports TensorFlow and Keras.

`messages`, `channel` and `arena` are shared with the front and import neither.
"""

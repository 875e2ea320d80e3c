"""The engine: the only code that imports TensorFlow and Keras.

The messages, channel and arena shared with the front are in `models.ipc`, which imports neither.
"""

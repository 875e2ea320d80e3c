"""Layerscope beside other servers of Keras models: the same files, the same inputs, one machine, one run."""

"""Weights on their way in: files of four formats, matched with what a network expects, as one canonical file.

    upload ─read─▶ names, dtypes, shapes ─match─▶ in the network's order ─canonical─▶ .safetensors under its SHA-256

Nothing is stored unless every tensor is there, fits, and is finite. Imports neither TensorFlow nor, outside the
throw-away process of `hdf5_process`, HDF5. This file stays empty: that process imports it.
"""

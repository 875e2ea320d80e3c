"""Import of uploaded weights: files of six formats, matched with a network's specs, as one canonical file.

    upload ─read─▶ names, dtypes, shapes ─match─▶ in the network's order ─canonical─▶ .safetensors under its SHA-256

Nothing is stored unless every tensor is there, fits, and is finite. Imports neither TensorFlow nor, outside the
short-lived process of `hdf5_process`, HDF5. This file stays empty: that process and the one of `saved_model.process`
import it.
"""

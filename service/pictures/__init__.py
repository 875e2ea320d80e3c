"""Rendering of tensors as pictures, in the front end: maps as pixels, histograms as bars."""

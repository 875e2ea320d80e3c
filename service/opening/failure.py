"""The error that ends `layerscope open`."""

from __future__ import annotations


class OpeningFailed(Exception):
    """A file is not opened; the text says why."""

"""Opens models of the user's own Keras that `to_json()` cannot describe: custom layers, sub-classed models, Lambdas.

Needs the user's Keras, which it imports; nothing else of the client does.
"""

from __future__ import annotations

from layerscope_client.keras.checking import DifferenceWarning, UncheckedWarning, check, warn_of_differences
from layerscope_client.keras.tracing import Traced, document, has_code, traced
from layerscope_client.keras.untraceable import Untraceable

__all__ = [
    "DifferenceWarning",
    "Traced",
    "UncheckedWarning",
    "Untraceable",
    "check",
    "document",
    "has_code",
    "traced",
    "warn_of_differences",
]  # fmt: skip

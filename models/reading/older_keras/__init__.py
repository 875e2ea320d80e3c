"""Reader of the JSON of Keras 1 and 2: rewritten in the form of Keras 3, with the numbers of the Keras that wrote it.

Layers keep their places, arguments change their names: errors point to where the client's JSON has them. Only Keras'
own classes are known, and nothing is imported or run.
Source of the format: tf_keras.src.engine.functional (get_network_config), tf_keras.src.engine.node and
tf_keras.src.layers.core.tf_op_layer of tf_keras 2.21; keras/legacy/interfaces.py of Keras 2.0 for the names of Keras 1.
"""

from __future__ import annotations

from typing import Any

from models.documents.source_map import SourceMap
from models.errors import InvalidDocument
from models.reading.keras_json.counting import check_count
from models.reading.keras_json.site import Site
from models.reading.older_keras.classes import check_crops, check_kernels
from models.reading.older_keras.masks import check_masks
from models.reading.older_keras.models import modern_model
from models.reading.older_keras.tuples import without_tuples

__all__ = ["modern_json"]


def modern_json(raw: dict[str, Any], pointer: str = "") -> tuple[dict[str, Any], SourceMap]:
    """Rewrite a model of Keras 1 or 2 as Keras 3 would write it; `pointer` is where it is in the payload. The map leads
    from the parts of the result to those of `raw`.

    Raises:
        InvalidDocument: for what Keras 3 has no equivalent of.
    """
    moves = SourceMap()
    site = Site(pointer, pointer, moves)
    check_count(raw, site)
    check_kernels(raw, site)
    check_crops(raw, site)
    modern = modern_model(without_tuples(raw), site)
    try:
        check_masks(modern, pointer)
    except InvalidDocument as error:
        raise moves.remap(error) from None
    return modern, moves

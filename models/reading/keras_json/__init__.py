"""`model.to_json()` of Keras 3, read by an allow-list and never by Keras' deserialiser, and written again.

Source of the format: keras.src.models.functional (get_config, serialize_node) and keras.src.saving.serialization_lib
of Keras 3.15.
"""

from __future__ import annotations

from typing import Any

from models.documents.source_map import SourceMap
from models.files.keras_versions import VERSION, check_writer
from models.reading.keras_json.classes import is_keras_json
from models.reading.keras_json.counting import check_count
from models.reading.keras_json.graph import model
from models.reading.keras_json.site import Site

__all__ = ["document_of", "is_keras_json"]


def document_of(raw: dict[str, Any], pointer: str = "") -> tuple[dict[str, Any], SourceMap]:
    """The document, not yet validated, that Keras' JSON describes, and where each of its parts came from; `pointer` is
    where the JSON stands in what was sent.

    What only training needs (`compile_config`) and what Keras works out anyway (`build_config`) is passed over.

    Raises:
        InvalidDocument: with every layer that is not in the catalogue, pointing into what was sent; or an older Keras
            wrote it.
    """
    source_map = SourceMap()
    site = Site("", pointer, source_map)
    check_writer(raw, raw.get(VERSION), pointer, f"{pointer}/{VERSION}")
    check_count(raw, site)
    made = model(raw, site)
    return {key: value for key, value in made.items() if value is not None}, source_map

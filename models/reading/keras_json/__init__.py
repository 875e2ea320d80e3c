"""Reader of Keras 3's `model.to_json()`, by an allow-list and never by Keras' deserialiser.

Source of the format: keras.src.models.functional (get_config, serialize_node) and keras.src.saving.serialization_lib
of Keras 3.15.
"""

from __future__ import annotations

from typing import Any

from models.documents.source_map import SourceMap
from models.reading.keras_json.classes import is_keras_json
from models.reading.keras_json.counting import check_count
from models.reading.keras_json.graph import translate_model
from models.reading.keras_json.site import Site

__all__ = ["document_of", "is_keras_json"]


def document_of(raw: dict[str, Any], pointer: str = "") -> tuple[dict[str, Any], SourceMap]:
    """Translate Keras' JSON to a document, not yet validated, and a map from its parts to their sources; `pointer` is
    where the JSON is in the payload.

    Training settings (`compile_config`) and what Keras infers anyway (`build_config`) are ignored.

    Raises:
        InvalidDocument: with every layer that is not in the catalogue, pointing into the payload.
    """
    source_map = SourceMap()
    site = Site("", pointer, source_map)
    check_count(raw, site)
    fields = translate_model(raw, site)
    return {key: value for key, value in fields.items() if value is not None}, source_map

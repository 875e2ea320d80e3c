"""Representations of a registered model: its document, Keras JSON, a summary table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson
from starlette.responses import Response

from models.networks.network import Network
from models.writing.keras_json import Planned, keras_json_of
from models.writing.short_form import short_form
from models.writing.summary import summary_of

Form = Literal["graph", "document", "keras", "summary"]


def document_form(network: Network) -> Response:
    """Return the document in its short form, without defaults; registered again, it is the same model."""
    return Response(orjson.dumps(short_form(network)), media_type="application/json")


def keras_form(planned: Planned) -> Response:
    """Return the JSON that `keras.models.model_from_json` loads in plain Keras.

    Raises:
        InvalidDocument: a layer reads from inside a block, which Keras models cannot express.
    """
    return Response(orjson.dumps(keras_json_of(planned)), media_type="application/json")


def summary_form(network: Network, plan: Mapping[str, Any]) -> Response:
    """Return the table in plain text that `model.summary()` prints."""
    return Response(summary_of(network, plan), media_type="text/plain; charset=utf-8")

"""What the tracer knows of the service."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import keras
from keras.src.ops import math as math_operations
from layerscope_client.keras.catalogue import operation_type

CLIENT = Path(__file__).parents[2] / "clients" / "python"


def writer() -> Any:
    """Return the module that writes the catalogue."""
    spec = importlib.util.spec_from_file_location("write_catalogue", CLIENT / "write_catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_catalogue_is_that_of_the_service() -> None:
    """Run clients/python/write_catalogue.py after a change."""
    module = writer()
    assert json.loads(module.FILE.read_bytes()) == module.catalogue()


def test_operations_are_known_by_the_classes_of_keras() -> None:
    """By which Keras records what is called."""
    known = operation_type("TopK")
    assert known is not None
    assert (known.type, known.base_name) == ("ops.top_k", "top_k")
    assert math_operations.TopK.__name__ == "TopK"
    assert operation_type("Inv") is None
    assert keras.ops.inv is not None

"""Backbones that a test file of KerasHub builds, each with the inputs that it is tested on."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from acceptance.script_models import described


def backbones_of(file: Path) -> list[keras.Model]:
    """Run one test file until it would test its backbones, and return them. Changes KerasHub for good."""
    from keras_hub.src.tests.test_case import TestCase  # noqa: PLC0415 (only where it is installed)

    built: list[keras.Model] = []

    def keep(_: Any, cls: type, init_kwargs: dict[str, Any], input_data: Any, *__: Any, **___: Any) -> None:
        built.append(with_example(cls(**init_kwargs), input_data))

    TestCase.run_backbone_test = TestCase.run_vision_backbone_test = keep
    wanted = SimpleNamespace(pytest_collection_modifyitems=_only_backbones)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:asyncio", "-p", "no:timeout"]
    pytest.main([*options, "-W", "ignore", "-c", "/dev/null", "--rootdir", str(file.parent), str(file)], [wanted])
    return built


def _only_backbones(items: list[Any]) -> None:
    words = ("run_backbone_test", "run_vision_backbone_test")
    items[:] = [item for item in items if any(word in inspect.getsource(item.function) for word in words)]


def with_example(model: keras.Model, data: Any) -> keras.Model:
    """Return a model with the arrays that it is tested on, and their shapes as those that it was called on."""
    arrays = keras.tree.map_structure(lambda value: np.asarray(keras.ops.convert_to_numpy(value)), data)
    object.__setattr__(model, "example", arrays)  # past Keras, which would list them as layers
    object.__setattr__(model, "called_on", keras.tree.map_structure(described, arrays))
    return model

"""Keeps the backbones that a test file of KerasHub builds, as graphs of layers: `collect_backbones.py FILE FOLDER`."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import pytest
from keras_hub.src.tests.test_case import TestCase

from acceptance.collected_models import keep


def main() -> None:
    """Run one test file until it would test a backbone."""
    built: list[Any] = []
    TestCase.run_backbone_test = lambda _, cls, init_kwargs, *__, **___: built.append((cls, init_kwargs))
    wanted = SimpleNamespace(pytest_collection_modifyitems=_only_backbones)
    pytest.main(["-q", "-p", "no:cacheprovider", "-W", "ignore", "-c", "/dev/null", sys.argv[1]], [wanted])
    keep((_flat(cls(**arguments)) for cls, arguments in built), Path(sys.argv[2]))


def _only_backbones(items: list[Any]) -> None:
    items[:] = [item for item in items if "run_backbone_test" in inspect.getsource(item.function)]


def _flat(backbone: Any) -> keras.Model:
    """Return the graph of a backbone as a model of Keras' own class, since its own writes its arguments alone."""
    return keras.Model(backbone.inputs, backbone.outputs, name=backbone.name)


if __name__ == "__main__":
    main()

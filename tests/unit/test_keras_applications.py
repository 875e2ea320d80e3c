"""The networks of keras.applications translate, layer by layer: the smallest of each family, and the longest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import keras
import pytest
from keras.src.backend.common import global_state

from models.document import parse_document
from models.expansion import expand
from models.short_form import short_form

APPLICATIONS = (
    "ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "InceptionResNetV2", "InceptionV3",
    "MobileNet", "MobileNetV2", "MobileNetV3Small", "NASNetMobile", "NASNetLarge", "ResNet50", "ResNet50V2",
    "VGG16", "Xception",
)  # fmt: skip


def to_json(name: str) -> str:
    """The network's JSON, made without memory for its weights."""
    try:
        with keras.StatelessScope(initialize_variables=False):
            return str(getattr(keras.applications, name)(weights=None).to_json())
    finally:
        global_state.set_global_attribute("uninitialized_variables", [])


def layers_of(model: dict[str, Any]) -> Iterator[str]:
    """The names of all layers but inputs and models, as addresses."""
    for entry in model["config"]["layers"]:
        name = entry["config"]["name"]
        if "layers" in entry["config"]:
            yield from (f"{name}/{inner}" for inner in layers_of(entry))
        elif entry["class_name"] != "InputLayer":
            yield name


@pytest.mark.parametrize("name", APPLICATIONS)
def test_every_layer_is_there_under_its_name(name: str) -> None:
    """Same layers, same names; and the short form is the same network again."""
    text = to_json(name)
    network = expand(parse_document(text))
    assert sorted(node.address for node in network.nodes if not node.is_block) == sorted(layers_of(json.loads(text)))
    assert expand(parse_document(short_form(network))).identity() == network.identity()

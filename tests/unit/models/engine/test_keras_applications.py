"""keras.applications: names, arguments, sizes and scales match Keras, and every layer is present."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
from keras.src.backend.common import global_state
from keras.src.utils import file_utils

from models.documents.document import canonical
from models.engine.applications import construct_document, document_of_model, keras_model
from models.engine.shaping import uninitialised
from models.errors import InvalidDocument, Problem
from models.images.scale import scaled
from models.networks.expansion import expand
from models.reading.application_arguments import APPLICATIONS, Application
from models.reading.applications import parse_application
from models.reading.parse import parse_document
from models.writing.short_form import short_form

CONSTRUCTORS: dict[str, Callable[..., keras.Model]] = dict(inspect.getmembers(keras.applications, inspect.isfunction))
SMALLEST = dict.fromkeys(CONSTRUCTORS, 32) | {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
"""The smallest height and width that Keras accepts."""
FAMILIES = [
    "ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "EfficientNetV2S", "InceptionResNetV2",
    "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small", "NASNetMobile", "ResNet50",
    "ResNet50V2", "VGG16", "VGG19", "Xception",
]  # fmt: skip
"""One network of each family: the others repeat its blocks. All 40 are compared by acceptance/applications.py."""


def application(name: str, **arguments: Any) -> Application:
    """Parse an application without weights."""
    return parse_application({"application": name, "weights": None, **arguments})


def rejected_problem(name: str, **arguments: Any) -> Problem:
    """Return the only problem of a network that the service or Keras rejects."""
    with pytest.raises(InvalidDocument) as caught:
        construct_document(application(name, **arguments))
    (problem,) = caught.value.problems
    return problem


def layers_of(model: dict[str, Any]) -> Iterator[str]:
    """Yield the addresses of all layers except inputs and models."""
    for entry in model["config"]["layers"]:
        name = entry["config"]["name"]
        if "layers" in entry["config"]:
            yield from (f"{name}/{inner}" for inner in layers_of(entry))
        elif entry["class_name"] != "InputLayer":
            yield name


def test_every_keras_application_is_supported() -> None:
    """No constructor is missing or extra."""
    assert set(APPLICATIONS) == set(CONSTRUCTORS)


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_arguments_and_defaults_match_keras(name: str) -> None:
    """Except `input`, which has the documents' name, what only documents have, and arguments that cannot be sent."""
    theirs = {key: p.default for key, p in inspect.signature(CONSTRUCTORS[name]).parameters.items() if key != "name"}
    del theirs["input_tensor"]
    theirs["input"] = theirs.pop("input_shape")
    fields = APPLICATIONS[name].model_fields
    assert {key: fields[key].default for key in fields.keys() - {"application", "name", "seed", "labels"}} == theirs


@pytest.mark.parametrize("name", FAMILIES)
def test_every_layer_is_present_at_the_smallest_size(name: str) -> None:
    """Same layers, names, input and output shapes."""
    size = SMALLEST[name]
    chosen = application(name, input=[size, size, 3])
    with uninitialised():
        model = keras_model(chosen, None)
    network = expand(document_of_model(model, chosen))
    text = json.loads(model.to_json())
    assert sorted(node.address for node in network.nodes if not node.is_block) == sorted(layers_of(text))
    assert {key: spec.shape for key, spec in network.inputs.items()} == {"input_layer": [size, size, 3]}
    assert len(network.outputs) == 1


@pytest.mark.parametrize("name", ["ConvNeXtTiny", "EfficientNetV2B0", "MobileNetV3Small", "ResNet50V2"])
def test_the_short_form_is_the_same_network(name: str) -> None:
    """For one network per kind, scale included."""
    network = expand(construct_document(application(name, include_top=False))[0])
    assert expand(parse_document(short_form(network))).identity() == network.identity()


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_sizes_below_the_minimum_are_rejected(name: str) -> None:
    """The error contains the smallest size."""
    size = SMALLEST[name]
    problem = rejected_problem(name, input=[size, size - 1, 3])
    assert (problem.pointer, problem.expected) == ("/input", f"at least {size} pixels high and {size} wide")
    assert problem.received == f"[{size}, {size - 1}, 3]"


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_scales_match_preprocess_input(name: str) -> None:
    """`keras.applications.<module>.preprocess_input` on an image of random pixels."""
    picture = np.random.default_rng(0).uniform(0, 255, (5, 4, 3)).astype(np.float32)
    preprocess = sys.modules[CONSTRUCTORS[name].__module__].preprocess_input  # type: ignore[attr-defined]
    np.testing.assert_allclose(scaled(picture.copy(), APPLICATIONS[name].scale), preprocess(picture.copy()), atol=1e-5)


def test_construction_has_no_side_effects() -> None:
    """Earlier networks do not affect names, and Keras' counters are restored."""
    keras.layers.GlobalAveragePooling2D()  # counted by Keras, as in two networks below
    before = dict(global_state.get_global_attribute("object_name_uids") or {})
    first = canonical(construct_document(application("MobileNet", input=[32, 32, 3]))[0])
    construct_document(application("MobileNet", input=[33, 32, 3]))
    assert "global_average_pooling2d" in [layer["name"] for layer in first["layers"]]
    assert canonical(construct_document(application("MobileNet", input=[32, 32, 3]))[0]) == first
    assert dict(global_state.get_global_attribute("object_name_uids") or {}) == before
    assert global_state.get_global_attribute("uninitialized_variables") == []


@pytest.mark.parametrize(
    ("name", "arguments", "pointer"),
    [
        ("VGG16", {"pooling": "avg"}, "/pooling"),
        ("VGG16", {"include_top": False, "classes": 10}, "/classes"),
        ("VGG16", {"include_top": False, "classifier_activation": None}, "/classifier_activation"),
        ("VGG16", {"weights": "imagenet", "classes": 10}, "/classes"),
        ("VGG16", {"weights": "imagenet", "classifier_activation": "relu"}, "/classifier_activation"),
        ("VGG16", {"weights": "imagenet", "include_top": False, "input": [64, 64, 1]}, "/input/2"),
        ("VGG16", {"weights": "/etc/passwd"}, "/weights"),
        ("VGG16", {"alpha": 1.0}, "/alpha"),
        ("VGG16", {"input_tensor": 1}, "/input_tensor"),
        ("VGG16", {"classifier_activation": "sotfmax"}, "/classifier_activation"),
        ("VGG16", {"classes": 2**20 + 1}, "/classes"),
        ("VGG16", {"classes": True}, "/classes"),
        ("VGG16", {"input": [32, 32]}, "/input"),
        ("VGG16", {"input": [32, 32, 3, 3]}, "/input"),
        ("VGG16", {"input": [32, 32, None]}, "/input"),
        ("VGG16", {"input": [32, 0, 3]}, "/input/1"),
        ("VGG16", {"input": [32, 2**24 + 1, 3]}, "/input/1"),
        ("VGG16", {"input": [32, 32.0, 3]}, "/input/1"),
        ("VGG16", {"input": [None, None, 3]}, "/input"),
        ("MobileNetV2", {"include_top": False, "input": [224, None, 3]}, "/input"),
        ("MobileNetV3Small", {"input": [224, None, 3]}, "/input"),
        ("EfficientNetB0", {"include_top": False, "input": [224, None, 3]}, "/input"),
        ("NASNetMobile", {"include_top": False, "input": [224, None, 3]}, "/input"),
        ("NASNetMobile", {"include_top": False, "input": [None, 224, 3]}, "/input"),
        ("MobileNetV2", {"weights": "imagenet", "alpha": 0.36}, "/alpha"),
        ("MobileNet", {"weights": "imagenet", "alpha": 0.36}, "/alpha"),
        ("MobileNetV2", {"weights": "imagenet", "alpha": 0.36, "include_top": False, "input": [None, 96, 3]}, "/alpha"),
        ("MobileNet", {"weights": "imagenet", "depth_multiplier": 2}, "/depth_multiplier"),
        ("MobileNetV3Small", {"weights": "imagenet", "alpha": 0.5}, "/alpha"),
        ("NASNetMobile", {"weights": "imagenet", "include_top": False, "input": [224, None, 3]}, "/input"),
        ("VGG16", {"weights": "imagenet", "input": [64, 64, 3]}, "/input"),
        ("MobileNet", {"alpha": 0.001}, "/alpha"),
        ("MobileNet", {"alpha": float("nan")}, "/alpha"),
        ("MobileNet", {"alpha": 1e9}, "/alpha"),
        ("MobileNet", {"depth_multiplier": 2**31}, "/depth_multiplier"),
        ("MobileNet", {"dropout": 1.5}, "/dropout"),
    ],
)
def test_invalid_arguments_are_rejected(name: str, arguments: dict[str, Any], pointer: str) -> None:
    """The pointer is that of the argument, and the received value is included."""
    problem = rejected_problem(name, **arguments)
    assert problem.pointer == pointer
    assert problem.expected
    assert problem.received
    assert "NoneType" not in problem.message


@pytest.mark.parametrize(("word", "meant"), [("MobilenetV2", "MobileNetV2"), ("InceptionV4", "InceptionV3")])
def test_the_nearest_name_is_suggested(word: str, meant: str) -> None:
    """For a name that keras.applications does not have."""
    problem = rejected_problem(word)
    assert (problem.pointer, problem.suggestion) == ("/application", f'write "{meant}"')


def test_python_errors_are_not_disclosed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only Keras' own sentences are passed on."""

    def broken(**_: Any) -> None:
        raise TypeError("unsupported operand type(s) for %: 'NoneType' and 'int'")

    monkeypatch.setattr(keras.applications, "VGG16", broken)
    assert rejected_problem("VGG16").message == "Keras refuses this VGG16: these arguments do not go together"


def test_imagenet_graphs_are_constructed_without_a_file() -> None:
    """Some have an extra layer; the file is named, and Keras' loader is restored."""
    before = file_utils.get_file, keras.Model.load_weights
    document, file = construct_document(application("EfficientNetB0", weights="imagenet", include_top=False))
    plain, none = construct_document(application("EfficientNetB0", include_top=False))
    assert (file, none) == ("efficientnetb0_notop.h5", None)
    assert [len(canonical(one)["layers"]) for one in (document, plain)] == [237, 236]
    assert (file_utils.get_file, keras.Model.load_weights) == before


def test_shapes_required_by_weights_are_reported() -> None:
    """Keras checks them before it looks for a file."""
    with pytest.raises(InvalidDocument) as caught:
        keras_model(parse_application({"application": "VGG16", "input": [64, 64, 3]}), "imagenet")
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.received) == ("/input", "[64, 64, 3]")
    assert problem.expected == "[224, 224, 3], or another size without the top"

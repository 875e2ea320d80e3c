"""The networks of keras.applications: names, arguments, sizes and scales are Keras', and every layer is there."""

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
from models.engine.symbolic_network import uninitialised
from models.errors import InvalidDocument, Problem
from models.images.scale import scaled
from models.networks.expansion import expand
from models.reading.applications import APPLICATIONS, Application, parse_application
from models.reading.parse import parse_document
from models.writing.short_form import short_form

CONSTRUCTORS: dict[str, Callable[..., keras.Model]] = dict(inspect.getmembers(keras.applications, inspect.isfunction))
SMALLEST = dict.fromkeys(CONSTRUCTORS, 32) | {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
"""The smallest height and width that Keras takes."""
FAMILIES = [
    "ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "EfficientNetV2S", "InceptionResNetV2",
    "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small", "NASNetMobile", "ResNet50",
    "ResNet50V2", "VGG16", "VGG19", "Xception",
]  # fmt: skip
"""One of each kind: the others repeat its blocks more often. All 40 are compared by acceptance/applications.py."""


def application(name: str, **arguments: Any) -> Application:
    """Without weights, as they are not what these tests are about."""
    return parse_application({"application": name, "weights": None, **arguments})


def refused(name: str, **arguments: Any) -> Problem:
    """The one problem of a network that is refused, by us or by Keras."""
    with pytest.raises(InvalidDocument) as caught:
        construct_document(application(name, **arguments))
    (problem,) = caught.value.problems
    return problem


def layers_of(model: dict[str, Any]) -> Iterator[str]:
    """The names of all layers but inputs and models, as addresses."""
    for entry in model["config"]["layers"]:
        name = entry["config"]["name"]
        if "layers" in entry["config"]:
            yield from (f"{name}/{inner}" for inner in layers_of(entry))
        elif entry["class_name"] != "InputLayer":
            yield name


def test_there_is_every_network_of_keras() -> None:
    """No constructor is missing, none is made up."""
    assert set(APPLICATIONS) == set(CONSTRUCTORS)


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_arguments_and_defaults_are_those_of_keras(name: str) -> None:
    """But for the input's shape, which is called as in any document, and what cannot be sent."""
    theirs = {key: p.default for key, p in inspect.signature(CONSTRUCTORS[name]).parameters.items() if key != "name"}
    del theirs["input_tensor"]
    theirs["input"] = theirs.pop("input_shape")
    fields = APPLICATIONS[name].model_fields
    assert {key: fields[key].default for key in fields.keys() - {"application", "name", "seed"}} == theirs


@pytest.mark.parametrize("name", FAMILIES)
def test_every_layer_is_there_at_the_smallest_size(name: str) -> None:
    """Same layers, same names, same input and output shapes."""
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
    """Of one of each kind, scale included."""
    network = expand(construct_document(application(name, include_top=False))[0])
    assert expand(parse_document(short_form(network))).identity() == network.identity()


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_a_pixel_less_is_refused(name: str) -> None:
    """With the smallest size there is; or Keras takes less, too."""
    size = SMALLEST[name]
    problem = refused(name, input=[size, size - 1, 3])
    assert (problem.pointer, problem.expected) == ("/input", f"at least {size} pixels high and {size} wide")
    assert problem.received == f"[{size}, {size - 1}, 3]"


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_images_are_scaled_as_the_network_s_own_function_does(name: str) -> None:
    """`keras.applications.<module>.preprocess_input` on a picture of random pixels."""
    picture = np.random.default_rng(0).uniform(0, 255, (5, 4, 3)).astype(np.float32)
    preprocess = sys.modules[CONSTRUCTORS[name].__module__].preprocess_input  # type: ignore[attr-defined]
    np.testing.assert_allclose(scaled(picture.copy(), APPLICATIONS[name].scale), preprocess(picture.copy()), atol=1e-5)


def test_names_and_sizes_leave_no_trace() -> None:
    """However many networks were made before, the same arguments give the same document; Keras' counters stay."""
    keras.layers.GlobalAveragePooling2D()  # counted by Keras, as two networks below would be
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
def test_what_makes_no_sense_is_refused(name: str, arguments: dict[str, Any], pointer: str) -> None:
    """At the argument that is wrong, with what came."""
    problem = refused(name, **arguments)
    assert problem.pointer == pointer
    assert problem.expected
    assert problem.received
    assert "NoneType" not in problem.message


@pytest.mark.parametrize(("word", "meant"), [("MobilenetV2", "MobileNetV2"), ("InceptionV4", "InceptionV3")])
def test_the_nearest_name_is_suggested(word: str, meant: str) -> None:
    """For one that keras.applications does not have."""
    problem = refused(word)
    assert (problem.pointer, problem.suggestion) == ("/application", f'write "{meant}"')


def test_what_python_says_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only Keras' own sentences are."""

    def broken(**_: Any) -> None:
        raise TypeError("unsupported operand type(s) for %: 'NoneType' and 'int'")

    monkeypatch.setattr(keras.applications, "VGG16", broken)
    assert refused("VGG16").message == "Keras refuses this VGG16: these arguments do not go together"


def test_graphs_for_imagenet_are_made_without_a_file() -> None:
    """Which has a layer more than without, in some; the file is named; Keras loads files afterwards as before."""
    before = file_utils.get_file, keras.Model.load_weights
    document, file = construct_document(application("EfficientNetB0", weights="imagenet", include_top=False))
    plain, none = construct_document(application("EfficientNetB0", include_top=False))
    assert (file, none) == ("efficientnetb0_notop.h5", None)
    assert [len(canonical(one)["layers"]) for one in (document, plain)] == [237, 236]
    assert (file_utils.get_file, keras.Model.load_weights) == before


def test_what_keras_says_of_the_shape_that_weights_want() -> None:
    """Keras speaks before it looks for a file."""
    with pytest.raises(InvalidDocument) as caught:
        keras_model(parse_application({"application": "VGG16", "input": [64, 64, 3]}), "imagenet")
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.received) == ("/input", "[64, 64, 3]")
    assert problem.expected == "[224, 224, 3], or another size without the top"

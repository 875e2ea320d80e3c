"""The identity of a network depends on its content, not on its spelling."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.documents.document import canonical
from models.layers import LAYERS, names_of
from models.layers.layer import Layer
from models.networks.expansion import expand
from models.reading.parse import parse_document

CONV: dict[str, Any] = {"type": "Conv2D", "filters": 4, "kernel_size": 3}
POOL: dict[str, Any] = {"type": "MaxPooling2D"}
DENSE: dict[str, Any] = {"type": "Dense", "units": 2}


def identity(raw: Any) -> str:
    """Return the id of a document without uploaded weights."""
    return expand(parse_document(raw)).identity()


def network(*layers: Any, **fields: Any) -> dict[str, Any]:
    """Build a document with an image input."""
    return {"input": [28, 28, 1], "layers": list(layers), **fields}


def test_an_id_is_a_sha256() -> None:
    """With the algorithm's prefix, in lower-case hexadecimal."""
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", identity(network(CONV)))


def test_an_id_is_stable() -> None:
    """A recorded digest: a change of the canonical form would change the id of every stored model."""
    assert identity(network(CONV, POOL)) == "sha256:a495ee565467be6f0aa70e31eb2681eeef4f12cf4760d7208be27088a9d68b88"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (network(CONV), network(dict(reversed(CONV.items())))),
        (network(CONV), dict(reversed(network(CONV).items()))),
        (network(CONV), network({**CONV, "kernel_size": [3, 3]})),
        (network(CONV), network({**CONV, "strides": 1, "padding": "VALID", "use_bias": True, "groups": 1})),
        (network(CONV), network({**CONV, "type": "Convolution2D"})),
        (network(CONV), network({**CONV, "name": "conv2d"})),
        (network(CONV), network({**CONV, "inputs": ["input"]})),
        (network(CONV), network({**CONV, "calls": [["input"]]})),
        (network(CONV), network(CONV, name="a label")),
        (network(CONV, name="one"), network(CONV, name="other")),
        (network(CONV), network(CONV, seed=0)),
        (network(CONV), network(CONV, scale=None)),
        (network(CONV), network(CONV, outputs=["conv2d"])),
        (network(CONV), network(CONV, outputs=["conv2d#0"])),
        (network(CONV), network(CONV, input={"shape": [28, 28, 1]})),
        (network(CONV), network(CONV, input={"input": {"shape": [28, 28, 1], "dtype": "float32"}})),
        (network({**CONV, "padding": "same"}), network({**CONV, "padding": "SAME"})),
        (network(POOL), network({"type": "MaxPool2D", "pool_size": 2})),
        (network(CONV), network({**CONV, "kernel_initializer": "glorot_uniform"})),
        (network(CONV), network({**CONV, "kernel_initializer": "GlorotUniform"})),
        (network(CONV), network({**CONV, "kernel_initializer": {"type": "GlorotUniform"}})),
        (network(CONV), network({**CONV, "kernel_initializer": {"class_name": "GlorotUniform", "config": {}}})),
        (network(CONV), network({**CONV, "kernel_initializer": {"type": "GlorotUniform", "seed": None}})),
        (network(CONV), network({**CONV, "activation": None})),
        (network(CONV), network({**CONV, "activation": "linear"})),
        (network({**CONV, "activation": "swish"}), network({**CONV, "activation": "silu"})),
        (network({**CONV, "activation": "relu"}), network({**CONV, "activation": "tf.nn.relu"})),
        (network({**CONV, "kernel_regularizer": "l2"}), network({**CONV, "kernel_regularizer": {"type": "L2"}})),
        (network({"type": "LeakyReLU", "negative_slope": 1}), network({"type": "LeakyReLU", "negative_slope": 1.0})),
        (network({"type": "ZeroPadding2D", "padding": 1}),
         network({"type": "ZeroPadding2D", "padding": [[1, 1], 1]})),
        (network({"type": "Bidirectional", "layer": {"type": "LSTM", "units": 2}}, input=[5, 3]),
         network({"type": "Bidirectional", "layer": {"units": 2, "activation": "tanh", "type": "LSTM"}}, input=[5, 3])),
        (network({"type": "Block", "layers": [CONV]}),
         network({"type": "Block", "name": "block", "input": ["input"], "outputs": ["conv2d"], "layers": [CONV]})),
        (network({"type": "Block", "layers": [CONV]}),
         network({"type": "Block", "input": ["x"], "layers": [{**CONV, "inputs": ["x"]}]})),
        ([CONV], {"layers": [CONV]}),
        (network(CONV, DENSE), network(CONV, {**DENSE, "name": "dense"})),
        (network(CONV, CONV), network(CONV, {**CONV, "name": "conv2d_1"})),
    ],
)  # fmt: skip
def test_spelling_does_not_change_the_id(one: Any, other: Any) -> None:
    """For two spellings of one network."""
    assert identity(one) == identity(other)


@pytest.mark.parametrize(
    "changed",
    [
        network(CONV, POOL, seed=1),
        network(CONV, POOL, scale="none"),
        network({**CONV, "name": "first"}, POOL),
        network({**CONV, "filters": 5}, POOL),
        network({**CONV, "kernel_size": [3, 2]}, POOL),
        network({**CONV, "activation": "relu"}, POOL),
        network({**CONV, "use_bias": False}, POOL),
        network({**CONV, "trainable": False}, POOL),
        network({**CONV, "kernel_initializer": {"type": "GlorotUniform", "seed": 0}}, POOL),
        network({**CONV, "type": "Conv2DTranspose"}, POOL),
        network(POOL, CONV),
        network(CONV, POOL, outputs=["conv2d"]),
        network(CONV, POOL, outputs=["max_pooling2d", "conv2d"]),
        network(CONV, {**POOL, "inputs": ["input"]}),
        network(CONV, POOL, input=[28, 28, 2]),
        network(CONV, POOL, input=[28, None, 1]),
        network(CONV, POOL, input={"shape": [28, 28, 1], "dtype": "float64"}),
        network(CONV, POOL, input={"picture": [28, 28, 1]}),
        network(CONV),
        network({"type": "Block", "layers": [CONV, POOL]}),
        {"layers": [CONV, POOL]},
    ],
)
def test_content_changes_the_id(changed: Any) -> None:
    """Seed, scale, names, arguments, order, connections, inputs and outputs."""
    assert identity(changed) != identity(network(CONV, POOL))


def test_shared_and_separate_layers_have_different_ids() -> None:
    """Although the shapes are equal."""
    shared = [{**DENSE, "name": "a", "calls": [["input"], ["input"]]}, {"type": "Add", "inputs": ["a@0", "a@1"]}]
    apart = [{**DENSE, "name": "a", "inputs": ["input"]}, {**DENSE, "name": "b", "inputs": ["input"]},
             {"type": "Add", "inputs": ["a", "b"]}]  # fmt: skip
    assert identity(shared) != identity(apart)


def test_the_order_of_inputs_matters_where_it_is_used() -> None:
    """A layer that takes all inputs takes them in declaration order."""
    first, second = {"a": [2], "b": [2]}, {"b": [2], "a": [2]}
    concatenate = [{"type": "Concatenate"}]
    assert identity({"input": first, "layers": concatenate}) != identity({"input": second, "layers": concatenate})
    dense = [{**DENSE, "inputs": ["a"]}]
    assert identity({"input": first, "layers": dense}) == identity({"input": second, "layers": dense})


def test_weights_change_the_id() -> None:
    """The same layers with other weights are another model."""
    found = expand(parse_document(network(CONV)))
    assert len({found.identity(), found.identity("sha256:00"), found.identity("sha256:01")}) == 3


@pytest.mark.parametrize("cls", LAYERS, ids=lambda cls: cls.__name__)
def test_ids_do_not_depend_on_aliases_and_explicit_defaults(cls: type[Layer]) -> None:
    """Nor on key order, for the whole catalog."""
    inputs = {f"i{n}": {"shape": list(shape), "dtype": cls.example.dtype} for n, shape in enumerate(cls.example.shapes)}
    full = canonical(cls.model_validate(cls.example.arguments)) | {"inputs": list(inputs)}
    spelled = [
        {"type": name, **arguments, "inputs": list(inputs)}
        for name in names_of(cls)
        for arguments in (cls.example.arguments, full | {"type": name}, dict(reversed((full | {"type": name}).items())))
    ]
    assert len({identity({"input": inputs, "layers": [layer]}) for layer in spelled}) == 1


LAYER = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["Dense"]), "units": st.integers(1, 64)},
        optional={
            "activation": st.sampled_from(["relu", "linear", "swish", None]),
            "use_bias": st.booleans(),
            "kernel_initializer": st.sampled_from(["he_normal", "Zeros", {"type": "RandomNormal", "stddev": 1}]),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["Conv2D", "Convolution2D"]), "filters": st.integers(1, 8),
         "kernel_size": st.integers(1, 5) | st.lists(st.integers(1, 5), min_size=2, max_size=2)},
        optional={"padding": st.sampled_from(["valid", "SAME", "Valid"]), "strides": st.integers(1, 3)},
    ),
    st.fixed_dictionaries({"type": st.sampled_from(["MaxPool2D", "MaxPooling2D", "Flatten", "ReLU", "Dropout"])}).map(
        lambda layer: layer | ({"rate": 0.5} if layer["type"] == "Dropout" else {})
    ),
)  # fmt: skip
LISTS = st.lists(
    st.recursive(
        LAYER,
        lambda inner: st.fixed_dictionaries(
            {"type": st.just("Block"), "layers": st.lists(inner, min_size=1, max_size=3)}
        ),
        max_leaves=6,
    ),
    min_size=1,
    max_size=5,
)


def shuffle_keys(value: Any, data: st.DataObject) -> Any:
    """Reorder the keys of every object."""
    if isinstance(value, dict):
        keys = data.draw(st.permutations(list(value)))
        return {key: shuffle_keys(value[key], data) for key in keys}
    return [shuffle_keys(item, data) for item in value] if isinstance(value, list) else value


@settings(max_examples=60)
@given(LISTS, st.data())
def test_ids_survive_reordering_and_round_trips(layers: list[Any], data: st.DataObject) -> None:
    """Reordered keys, explicit defaults, and a round trip through JSON."""
    known = identity(network(*layers))
    assert identity(shuffle_keys(network(*layers), data)) == known
    spelled_out = json.loads(json.dumps(canonical(parse_document(network(*layers)))))
    assert identity(shuffle_keys(spelled_out, data)) == known


@settings(max_examples=60)
@given(LISTS, LISTS)
def test_ids_differ_exactly_when_canonical_documents_do(one: list[Any], other: list[Any]) -> None:
    """For random networks."""
    same = canonical(parse_document(network(*one))) == canonical(parse_document(network(*other)))
    assert (identity(network(*one)) == identity(network(*other))) == same


@pytest.mark.parametrize(("layer", "field"), [
    ({"type": "LayerNormalization"}, "axis"), ({"type": "Softmax"}, "axis"), ({"type": "UnitNormalization"}, "axis"),
    ({"type": "RMSNormalization"}, "axis"), ({"type": "PReLU"}, "shared_axes"),
    ({"type": "MultiHeadAttention", "num_heads": 2, "key_dim": 2}, "attention_axes"),
])  # fmt: skip
def test_a_list_of_one_axis_is_that_axis(layer: dict[str, Any], field: str) -> None:
    """`1` and `[1]` have the same id where Keras takes a number or a list."""
    inputs = {"inputs": ["input", "input"]} if layer["type"] == "MultiHeadAttention" else {}
    one, several = [
        expand(parse_document({"input": [3, 4], "layers": [{**layer, **inputs, field: axis}]})).identity()
        for axis in (1, [1])
    ]
    assert one == several

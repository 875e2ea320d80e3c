"""Rejections of Keras JSON, with pointers into it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from models.documents.raw_json import MAX_DEPTH
from models.errors import InvalidDocument, LayerscopeError
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.keras_json import is_keras_json
from models.reading.parse import parse_document


def dense(name: str = "dense", **config: Any) -> dict[str, Any]:
    return {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"name": name, "units": 3, **config},
        "registered_name": None,
    }


def tensor(name: str, call: int = 0, output: int = 0) -> dict[str, Any]:
    history = [name, call, output]
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 3], "dtype": "float32", "keras_history": history},
    }


def sequential(*layers: Any, **config: Any) -> dict[str, Any]:
    config = {"name": "s", "trainable": True, "layers": list(layers), "build_input_shape": [None, 4], **config}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}


def source(name: str = "x", **config: Any) -> dict[str, Any]:
    written = {"batch_shape": [None, 3], "dtype": "float32", "sparse": False, "ragged": False, "name": name, **config}
    return {"module": "keras.layers", "class_name": "InputLayer", "config": written, "registered_name": None,
            "name": name, "inbound_nodes": []}  # fmt: skip


def call_entry(layer: dict[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    return layer | {"name": layer["config"]["name"], "inbound_nodes": [{"args": list(args), "kwargs": kwargs}]}


def functional(*layers: Any, outputs: Any = ("dense", 0, 0), inputs: Any = ("x", 0, 0)) -> dict[str, Any]:
    config = {"name": "f", "trainable": True, "layers": [source(), *layers],
              "input_layers": list(inputs), "output_layers": list(outputs)}  # fmt: skip
    return {"module": "keras.src.models.functional", "class_name": "Functional", "config": config,
            "registered_name": "Functional"}  # fmt: skip


def operation(word: str, module: str, *args: Any, **config: Any) -> dict[str, Any]:
    name = word.lower()
    entry = {"module": f"keras.src.ops.{module}", "class_name": word, "config": {"name": name, **config}}
    return call_entry(entry | {"registered_name": word}, *args)


def keras_layer(word: str, **config: Any) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": word, "config": {"name": word.lower(), **config},
            "registered_name": None}  # fmt: skip


def expand_json(raw: Any) -> Network:
    """Expand the network; errors point into `raw`."""
    document = parse_document(raw)
    try:
        return expand(document)
    except LayerscopeError as error:
        raise document.source_map.remap(error) from None


def rejections(raw: Any) -> list[tuple[str, str]]:
    """Return all pointers and messages of the rejection."""
    with pytest.raises(InvalidDocument) as error:
        expand_json(raw)
    return [(problem.pointer, problem.message) for problem in error.value.problems]


LAMBDA = keras_layer("Lambda", function={"class_name": "__lambda__", "config": {"code": "4wE="}})
MINE = {"module": None, "class_name": "Mine", "config": {"name": "mine"}, "registered_name": "mine>Mine"}
REFUSED = {
    "Lambda": (sequential(dense(), LAMBDA), "/config/layers/1/class_name"),
    "StringLookup": (sequential(keras_layer("StringLookup", vocabulary="/etc/passwd")), "/config/layers/0/class_name"),
    "TFSMLayer": (sequential(keras_layer("TFSMLayer", filepath="/x")), "/config/layers/0/class_name"),
    "TorchModuleWrapper": (sequential(keras_layer("TorchModuleWrapper", module=1)), "/config/layers/0/class_name"),
    "custom class": (sequential(dense(), MINE), "/config/layers/1/module"),
    "custom class of a module": (
        sequential(dense() | {"module": "os", "class_name": "system"}),
        "/config/layers/0/module",
    ),
    "registered under Keras' name": (
        sequential(dense() | {"registered_name": "mine>Dense"}),
        "/config/layers/0/registered_name",
    ),
    "class of another module": (sequential(dense() | {"module": "keras.utils"}), "/config/layers/0/module"),
    "optimizer as a layer": (
        sequential({"module": "keras.optimizers", "class_name": "Adam", "config": {}}),
        "/config/layers/0/class_name",
    ),
    "operation not listed": (
        functional(operation("Det", "linalg", tensor("x")), outputs=("det", 0, 0)),
        "/config/layers/1/class_name",
    ),
    "custom model": (
        sequential() | {"class_name": "MyModel", "module": "app", "registered_name": "app>MyModel"},
        "/module",
    ),
    "layer alone": (dense(), "/class_name"),
    "shared between models": (sequential(dense() | {"shared_object_id": 1}), "/config/layers/0/shared_object_id"),
    "argument": (sequential(dense(units=0)), "/config/layers/0/config/units"),
    "unknown argument": (sequential(dense(unit=4)), "/config/layers/0/config/unit"),
    "argument of a second layer": (
        sequential(source("x"), dense("a"), dense("b", units="3")),
        "/config/layers/2/config/units",
    ),
    "initializer": (
        sequential(dense(kernel_initializer={"module": "keras.initializers", "class_name": "Mine", "config": {}})),
        "/config/layers/0/config/kernel_initializer",
    ),
    "initializer's argument": (
        sequential(
            dense(kernel_initializer={"module": "keras.initializers", "class_name": "HeNormal", "config": {"seed": -1}})
        ),
        "/config/layers/0/config/kernel_initializer/config/seed",
    ),
    "initializer of somebody": (
        sequential(dense(kernel_initializer={"module": "me", "class_name": "HeNormal", "config": {}})),
        "/config/layers/0/config/kernel_initializer/module",
    ),
    "lambda initializer": (
        sequential(dense(kernel_initializer={"class_name": "__lambda__", "config": {"value": ["4wE="]}})),
        "/config/layers/0/config/kernel_initializer",
    ),
    "function": (
        sequential(
            dense(
                activation={
                    "module": "builtins",
                    "class_name": "function",
                    "config": "mine",
                    "registered_name": "function",
                }
            )
        ),
        "/config/layers/0/config/activation/config",
    ),
    "registered function": (
        sequential(
            dense(
                activation={
                    "module": "builtins",
                    "class_name": "function",
                    "config": "mine",
                    "registered_name": "me>mine",
                }
            )
        ),
        "/config/layers/0/config/activation/registered_name",
    ),
    "quantized policy": (
        sequential(dense(dtype={"module": "keras", "class_name": "QuantizedDTypePolicy", "config": {"mode": "int8"}})),
        "/config/layers/0/config/dtype/class_name",
    ),
    "policy": (
        sequential(dense(dtype={"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float8"}})),
        "/config/layers/0/config/dtype/config/name",
    ),
    "inside a wrapper": (
        sequential(keras_layer("TimeDistributed", layer=dense(units=-1))),
        "/config/layers/0/config/layer/config/units",
    ),
    "class inside a wrapper": (
        sequential(keras_layer("TimeDistributed", layer=LAMBDA)),
        "/config/layers/0/config/layer/class_name",
    ),
    "inside a model inside": (
        sequential(sequential(dense(), dense("b", units=0))),
        "/config/layers/0/config/layers/1/config/units",
    ),
    "name": (sequential(dense("a/b")), "/config/layers/0/config/name"),
    "name in a graph": (
        functional(call_entry(dense("a:b"), tensor("x")), outputs=("a:b", 0, 0)),
        "/config/layers/1/name",
    ),
    "shape": (sequential(source(batch_shape=[None, 0]), dense()), "/config/layers/0/config/batch_shape/1"),
    "shape built for": (sequential(dense(), build_input_shape=[None, 4, -1]), "/config/build_input_shape/2"),
    "input dtype": (sequential(source(dtype="string"), dense()), "/config/layers/0/config/dtype"),
    "sparse input": (sequential(source(sparse=True), dense()), "/config/layers/0/config/sparse"),
    "no such layer": (
        functional(call_entry(dense(), tensor("y"))),
        "/config/layers/1/inbound_nodes/0/args/0/config/keras_history/0",
    ),
    "no such call": (
        functional(call_entry(dense(), tensor("x", 1))),
        "/config/layers/1/inbound_nodes/0/args/0/config/keras_history/1",
    ),
    "no such output": (functional(call_entry(dense(), tensor("x")), outputs=("dense", 0, 1)), "/config/output_layers"),
    "no such result": (
        functional(call_entry(dense(), tensor("x")), outputs=("other", 0, 0)),
        "/config/output_layers/0",
    ),
    "reads itself": (functional(call_entry(dense(), tensor("dense"))), "/config/layers/1/inbound_nodes/0/args/0"),
    "never called": (functional(dense() | {"name": "dense", "inbound_nodes": []}), "/config/layers/1/inbound_nodes"),
    "two inputs for one": (
        functional(call_entry(dense(), [tensor("x"), tensor("x")])),
        "/config/layers/1/inbound_nodes/0",
    ),
    "a number for a tensor": (functional(call_entry(dense(), 3)), "/config/layers/1/inbound_nodes/0/args/0"),
    "unknown keyword": (
        functional(call_entry(dense(), tensor("x"), temperature=3)),
        "/config/layers/1/inbound_nodes/0/kwargs/temperature",
    ),
    "mask where none is read": (
        functional(call_entry(dense(), tensor("x"), mask=tensor("x"))),
        "/config/layers/1/inbound_nodes/0/kwargs/mask",
    ),
    "a mask that is no tensor": (
        functional(call_entry(functional(call_entry(dense(), tensor("x"))) | {"name": "inner"}, tensor("x"), mask=[3])),
        "/config/layers/1/inbound_nodes/0/kwargs/mask/0",
    ),
    "constant": (
        functional(operation("Add", "numpy", tensor("x"), 1e999), outputs=("add", 0, 0)),
        "/config/layers/1/inbound_nodes/0/args/1",
    ),
    "axis of an operation": (
        functional(operation("Mean", "numpy", tensor("x"), axis=9, keepdims=False), outputs=("mean", 0, 0)),
        "/config/layers/1/config/axis",
    ),
}


@pytest.mark.parametrize(("raw", "pointer"), REFUSED.values(), ids=list(REFUSED))
def test_unsupported_keras_json_is_rejected_with_a_pointer(raw: Any, pointer: str) -> None:
    """One problem, whether the JSON is an object or text."""
    found = rejections(raw)
    assert [place for place, _ in found] == [pointer], found
    if "1e999" not in repr(raw) and "inf" not in repr(raw):
        assert rejections(json.dumps(raw)) == found


def policy(word: str) -> dict[str, Any]:
    return {"module": "keras.dtype_policies", "class_name": word, "config": {"mode": "int8"}, "registered_name": None}


GRAPH = {"layers": [], "input_layers": [], "output_layers": []}
ADVISED: dict[str, tuple[Any, str]] = {
    "quantized kernels": (sequential(dense(dtype=policy("QuantizedDTypePolicy"))), "upload float weights"),
    "another quantization": (sequential(dense(dtype=policy("GPTQDTypePolicy"))), "upload float weights"),
    "settings of quantization": (
        sequential(dense(quantization_config=policy("Int8QuantizationConfig"))), "upload float weights"),
    "quantized here": ({"layers": [{"type": "Dense", "units": 2, "dtype": "int8_from_float32"}]}, "upload float"),
    "policies of parts": (sequential(dense(dtype=policy("DTypePolicyMap"))), "one dtype"),
    "adapters": (sequential(dense(lora_rank=4)), "upload the layer's kernel"),
    "strings": (sequential(source(dtype="string"), dense()), "post integers"),
    "strings here": ({"input": {"shape": [3], "dtype": "string"}, "layers": [{"type": "Identity"}]}, "post integers"),
    "words": (sequential(keras_layer("TextVectorization")), "post integers"),
    "a model of code": (MINE | {"config": {"name": "m", "units": 3}}, "keras.Model(inputs, model.call(inputs))"),
    "a layer of code": (sequential(dense(), MINE), "layer.call(x)"),
    "a list of layers of somebody": (sequential() | {"module": None, "class_name": "Mine"}, "model.call(inputs)"),
    "half a graph": (MINE | {"config": {"layers": [], "input_layers": []}}, "model.call(inputs)"),
    "a graph that is none": (MINE | {"config": GRAPH | {"layers": {}}}, "model.call(inputs)"),
}  # fmt: skip


@pytest.mark.parametrize("name", ADVISED)
def test_what_is_never_read_says_what_to_do_instead(name: str) -> None:
    """Strings, quantized kernels, adapters, code."""
    raw, advice = ADVISED[name]
    with pytest.raises(InvalidDocument) as error:
        expand_json(raw)
    (problem,) = error.value.problems
    assert advice in str(problem.suggestion)


@pytest.mark.parametrize("registered", ["Mine", "app>Mine", None])
@pytest.mark.parametrize("module", [None, "app.models", "keras"])
def test_a_graph_of_a_user_defined_class_is_read(module: str | None, registered: str | None) -> None:
    """Wherever the class is from; of Keras' own modules only under a registered name of its own."""
    raw = functional(call_entry(dense(), tensor("x"))) | {
        "class_name": "Mine", "module": module, "registered_name": registered,
    }  # fmt: skip
    if module == "keras" and registered != "app>Mine":
        assert rejections(raw)[0][0] == "/class_name"
    else:
        assert [node.address for node in expand_json(raw).nodes] == ["dense"]


def test_every_unsupported_class_is_reported_at_once() -> None:
    """For a model with three of them."""
    found = rejections(sequential(LAMBDA, dense(), MINE, keras_layer("StringLookup")))
    assert [pointer for pointer, _ in found] == [
        "/config/layers/0/class_name", "/config/layers/2/module", "/config/layers/3/class_name",
    ]  # fmt: skip
    assert found[0][1] == "Lambda is not in the catalogue: its argument is code"
    assert found[2][1] == "StringLookup is not in the catalogue: it looks up strings, and tensors here are numbers"


def test_training_configuration_is_ignored() -> None:
    """An optimizer or a loss does not affect activations."""
    raw = sequential(dense()) | {"compile_config": {"optimizer": {"class_name": "os.system"}}, "build_config": 3}
    assert expand(parse_document(raw)).identity() == expand(parse_document(sequential(dense()))).identity()


def test_documents_may_be_json_text() -> None:
    """For the native form too; invalid text is rejected."""
    assert parse_document('{"layers": [{"type": "ReLU"}]}') == parse_document({"layers": [{"type": "ReLU"}]})
    assert rejections('{"layers": [') == [("", "the text is not JSON")]
    assert rejections('"{}"')[0][0] == ""


def test_a_native_document_is_not_keras_json() -> None:
    """A `class_name` next to `layers` does not change that."""
    assert not is_keras_json({"layers": [], "class_name": "Sequential", "config": {}})


def test_deeply_nested_models_are_rejected() -> None:
    """Deeper than the limit."""
    raw = dense()
    for _ in range(MAX_DEPTH):
        raw = sequential(raw)
    assert rejections(raw) == [("", "the document nests too deeply")]
    assert rejections("[" * 60_000)[0][0] == ""


JUNK = [
    None, True, 0, -1, 2**31, 10**40, 1.5, "", "x", "a/b", "\ud800", [], [[]], {}, ["x", 0, 0], ["x", 0, []],
    {"class_name": "Dense"}, {"class_name": ["x"]}, {"class_name": {}, "config": []}, MINE, LAMBDA,
    {"class_name": "__numpy__", "config": {"value": [[1], [1, 2]], "dtype": "float32"}},
    {"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}},
    {"class_name": "__slice__", "config": {"start": "x"}}, {"class_name": "Functional", "config": {}},
    {"class_name": "DTypePolicy", "config": []}, {"module": 3, "class_name": "Dense", "config": {}},
]  # fmt: skip
VALID = functional(
    call_entry(dense(dtype={"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}),
           tensor("x")),
    operation("Add", "numpy", tensor("dense"), {"class_name": "__numpy__", "config": {"value": [1.0, 2.0, 3.0],
                                                                                     "dtype": "float32"}}),
    operation("GetItem", "numpy", tensor("add"), [{"class_name": "__slice__", "config": {"start": None, "stop": None,
                                                                                         "step": None}}, 0]),
    call_entry(functional(call_entry(dense(), tensor("x"))) | {"name": "inner", "config": functional(
        call_entry(dense(), tensor("x")))["config"] | {"name": "inner"}}, tensor("add"), mask=None),
    call_entry(sequential(dense(), name="seq"), tensor("inner"), training=False),
    outputs=[["seq", 0, 0], ["inner", 1, 0]],
)  # fmt: skip


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths_of(inner, (*path, key))


def replace_at(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """Return a copy with another value at `path`."""
    copy = inner = deepcopy(value)
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = deepcopy(junk)
    return copy


def test_the_valid_model_is_accepted() -> None:
    """It is the base of the mutations below."""
    assert len(expand(parse_document(VALID)).nodes) == 7


@pytest.mark.parametrize("path", list(paths_of(VALID)), ids=lambda path: "/".join(map(str, path)))
def test_mutated_keras_json_is_accepted_or_rejected(path: tuple[Any, ...]) -> None:
    """Any value at any path: no other exception is raised."""
    for junk in JUNK:
        try:
            expand_json(replace_at(VALID, path, junk))
        except InvalidDocument:
            continue


def test_several_mutations_are_accepted_or_rejected() -> None:
    """Random combinations of three."""
    drawn, paths = random.Random(0), list(paths_of(VALID))  # noqa: S311 (nothing secret)
    for _ in range(300):
        raw = VALID
        for path in drawn.sample(paths, 3):
            try:
                raw = replace_at(raw, path, drawn.choice(JUNK))
            except (KeyError, IndexError, TypeError):
                continue  # the path no longer exists
        try:
            expand_json(raw)
        except InvalidDocument:
            continue


def test_layers_are_counted_before_translation() -> None:
    """Nested models included; a million layers would take half a minute."""
    layer = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}}
    inner = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [layer] * 2000}}
    outer = {"module": "keras", "class_name": "Sequential", "config": {"name": "t", "layers": [inner, inner]}}
    with pytest.raises(InvalidDocument) as caught:
        parse_document(outer)
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.received) == ("/config", "4002 layers")

"""JSON of Keras 1 and 2 that no document says the same of: calls, operations, masks and classes, with the reasons."""

from __future__ import annotations

from typing import Any

import pytest

from models.errors import InvalidDocument
from models.networks.expansion import expand
from models.reading.parse import parse_document
from tests.unit.models.reading.test_older_keras import functional, masked, node, old, operation, sequential

LAYERS = "/config/layers"
TWICE: list[Any] = [["x", 0, 0], ["x", 0, 0]]
DENSE = old("Dense", units=2)
DROPPED = "Rescaling hands on its mask in Keras 3, and drops it in Keras 2"
JOINED = "Add joins masks otherwise in Keras 3"


def merge(**config: Any) -> dict[str, Any]:
    """A graph of one Merge of Keras 1."""
    return functional(node(old("Merge", **config), "m", TWICE), outputs=[["m", 0, 0]])


def rescaling(name: str, read: str) -> dict[str, Any]:
    """A layer without a mask in Keras 2."""
    return node(old("Rescaling", scale=2.0), name, [[read, 0, 0, {}]])


def inner() -> dict[str, Any]:
    """A model of one Rescaling, for inside another."""
    source = old("InputLayer", batch_input_shape=[None, 4, 2], dtype="float32") | {"name": "z", "inbound_nodes": []}
    source["config"]["name"] = "z"
    config = {"name": "inner", "layers": [source, rescaling("r", "z")], "input_layers": [["z", 0, 0]],
              "output_layers": [["r", 0, 0]]}  # fmt: skip
    return {"class_name": "Model", "config": config}


def bidirectional(**config: Any) -> dict[str, Any]:
    """A layer on both sides of a masked sequence."""
    return node(old("Bidirectional", layer=old("LSTM", units=1, **config)), "both", [["masked", 0, 0, {}]])


def added(*names: str) -> dict[str, Any]:
    """The sum of layers."""
    return node(old("Add"), "sum", [[name, 0, 0, {}] for name in names])


def calls(function: str, *each: dict[str, Any]) -> dict[str, Any]:
    """An operation with several calls, each with its own keyword arguments."""
    layer = node(old("TFOpLambda", function=function), "op", *(["x", 0, 0, keywords] for keywords in each))
    return functional(layer, outputs=[["op", number, 0] for number in range(len(each))])


NAMELESS: dict[str, Any] = {"class_name": "Dense", "config": {"units": 2}, "inbound_nodes": [[["x", 0, 0, {}]]]}
REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a mode": (
        merge(mode="abs"), f"{LAYERS}/1/config/mode", "Merge is known by these modes only",
        "sum, mul, ave, max, concat, dot, cos",
    ),
    "a mode of code": (
        merge(mode="sum", mode_type="lambda"), f"{LAYERS}/1/config/mode", "Merge is known by these modes only",
        "sum, mul, ave, max, concat, dot, cos",
    ),
    "a module": (
        sequential(DENSE | {"module": "mine.layers"}), f"{LAYERS}/0/module", '"Dense" is a user-defined class',
        "a class of Keras' own",
    ),
    "an operation in a list": (
        sequential(old("TFOpLambda", function="math.add")), f"{LAYERS}/0",
        "this operation reads tensors of a graph, and stands in none", "a layer",
    ),
    "a slice without its key": (
        operation("__operators__.getitem", ["x", 0, 0, {}], "SlicingOpLambda"), f"{LAYERS}/1/inbound_nodes/0",
        "a slice needs its key", "the keyword argument slice_spec",
    ),
    "an argument of a function": (
        operation("math.reduce_mean", ["x", 0, 0, {"axis": 1, "other": 3}]), f"{LAYERS}/1/inbound_nodes/0/3/other",
        "other of this function is not read", "one of axis, keepdims",
    ),
    "an argument of a function that has none": (
        operation("math.sigmoid", ["x", 0, 0, {"other": 3}]), f"{LAYERS}/1/inbound_nodes/0/3/other",
        "other of this function is not read", "none but its tensors",
    ),
    "other arguments in another call": (
        calls("math.reduce_mean", {"axis": 1, "keepdims": True}, {"axis": 1}), f"{LAYERS}/1/inbound_nodes/1",
        "the calls of one operation differ in their arguments", "the same in all",
    ),
    "another constant in another call": (
        calls("math.add", {"y": 1.0}, {"y": 2.0}), f"{LAYERS}/1/inbound_nodes/1/3/y",
        "the calls of a shared layer differ in x2", "the same in every call",
    ),
    "a layer without a name": (
        functional(NAMELESS, outputs=[["d", 0, 0]]), f"{LAYERS}/1/config/name", "name should be a string", "a string",
    ),
    "a constant in a layer": (
        functional(node(DENSE, "d", ["_CONSTANT_VALUE", -1, 1.0, {}]), outputs=[["d", 0, 0]]),
        f"{LAYERS}/1/inbound_nodes/0", "only operations read constants", "[layer, call, output]",
    ),
    "outputs that are a number": (
        functional(node(DENSE, "d", [["x", 0, 0, {}]]), outputs=3),  # type: ignore[arg-type]
        "/config/output_layers", "this is not a tensor", "[layer, call, output]",
    ),
    "a mask in a list of layers": (
        sequential(
            old("Embedding", input_dim=9, output_dim=2, mask_zero=True, batch_input_shape=[None, 4]),
            old("Rescaling", scale=2.0),
        ),
        f"{LAYERS}/1", DROPPED, "an input without one",
    ),
    "a mask of a model's input": (
        masked(node(inner(), "inner", [["masked", 0, 0, {}]]), last="inner"), f"{LAYERS}/3/config/layers/1", DROPPED,
        "an input without one",
    ),
    "a mask behind both sides": (
        masked(bidirectional(return_sequences=True), added("both", "plain"), last="sum"), f"{LAYERS}/4", JOINED,
        "inputs with the same mask, or none",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_document_says_is_refused(name: str) -> None:
    """At its place in the JSON of the older Keras, with what would be read."""
    raw, pointer, message, expected = REFUSED[name]
    with pytest.raises(InvalidDocument) as refused:
        parse_document(raw)
    problem = refused.value.problems[0]
    assert (problem.pointer, problem.expected) == (pointer, expected)
    assert problem.message.startswith(message)


def test_layers_in_a_circle_are_refused_with_masks_too() -> None:
    """The masks of a graph without an order are not looked at; the graph is refused for the circle."""
    first = node(old("Add"), "first", [["second", 0, 0, {}], ["masked", 0, 0, {}]])
    second = node(old("Add"), "second", [["first", 0, 0, {}], ["masked", 0, 0, {}]])
    with pytest.raises(InvalidDocument) as refused:
        expand(parse_document(masked(first, second, last="second")))
    assert '"second" cannot be computed first' in refused.value.problems[0].message


READ: dict[str, dict[str, Any]] = {
    "the last step of both sides": masked(
        bidirectional(return_sequences=False),
        node(old("Flatten"), "flat", [["plain", 0, 0, {}]]),
        node(DENSE, "two", [["flat", 0, 0, {}]]),
        added("both", "two"),
        last="sum",
    ),
    "a name in the config alone": functional(
        NAMELESS | {"config": {"units": 2, "name": "d"}}, outputs=[["d", 0, 0]]
    ),
    "outputs by name": functional(node(DENSE, "d", [["x", 0, 0, {}]]), outputs={"out": ["d", 0, 0]}),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_rarer_forms_are_read(name: str) -> None:
    """The output is that of the last layer."""
    raw = READ[name]
    last = "sum" if name.startswith("the last") else "d"
    assert expand(parse_document(raw)).outputs == (last,)


def test_initial_states_by_name_are_read() -> None:
    """Tensors in the list of a keyword argument."""
    steps = node(old("RepeatVector", n=5), "steps", [["x", 0, 0, {}]])
    lstm = node(old("LSTM", units=4), "lstm", [["steps", 0, 0, {"initial_state": TWICE}]])
    network = expand(parse_document(functional(steps, lstm, outputs=[["lstm", 0, 0]])))
    assert network.node_of["lstm"].keywords == {"initial_state": ("x", "x")}


def test_the_shape_of_the_input_may_be_that_of_a_layer_inside() -> None:
    """Of the layer that a Bidirectional holds, where it declares none itself."""
    raw = sequential(old("Bidirectional", layer=old("LSTM", units=2, batch_input_shape=[None, 5, 4])))
    document = parse_document(raw)
    assert [list(spec.shape) for spec in (document.input or {}).values()] == [[5, 4]]

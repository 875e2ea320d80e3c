"""Expansion of documents: names, addresses, calls, blocks, outputs, and invalid references."""

from __future__ import annotations

from typing import Any

import pytest

from models.documents.inputs import InputSpec
from models.errors import InvalidDocument, Problem
from models.networks.architecture import KEPT_INPUTS, NODE_BYTES, Architecture
from models.networks.expansion import MAX_NODES, expand
from models.networks.network import Network
from models.reading.parse import parse_document

RELU: dict[str, Any] = {"type": "ReLU"}
DENSE: dict[str, Any] = {"type": "Dense", "units": 2}
ADD: dict[str, Any] = {"type": "Add"}
STATES: dict[str, Any] = {"type": "LSTM", "units": 2, "return_state": True}
TWO_INPUTS = {"left": [4], "right": [4]}


def network(*layers: Any, **fields: Any) -> Network:
    """Expand the network of some layers."""
    return expand(parse_document({"layers": list(layers), **fields}))


def addresses(*layers: Any, **fields: Any) -> list[str]:
    """Return the address of every node, in order."""
    return [node.address for node in network(*layers, **fields).nodes]


def reads(*layers: Any, **fields: Any) -> dict[str, tuple[str, ...]]:
    """Return the inputs of each node."""
    return {node.address: node.inputs for node in network(*layers, **fields).nodes}


def refusal(*layers: Any, **fields: Any) -> Problem:
    """Return the only problem of a document with an invalid graph."""
    document = parse_document({"layers": list(layers), **fields})
    with pytest.raises(InvalidDocument) as refused:
        expand(document)
    (only,) = refused.value.problems
    return only


def block(*layers: Any, **fields: Any) -> dict[str, Any]:
    """Build a block named b."""
    return {"type": "Block", "name": "b", "layers": list(layers), **fields}


def test_default_names_are_those_of_keras() -> None:
    """The first has no number, the second is _1; each type is counted separately."""
    layers = [DENSE, RELU, DENSE, {"type": "Conv2D", "filters": 1, "kernel_size": 1}, DENSE, RELU]
    assert addresses(*layers) == ["dense", "re_lu", "dense_1", "conv2d", "dense_2", "re_lu_1"]


def test_default_names_are_deterministic() -> None:
    """There is no process-wide counter."""
    assert addresses(DENSE, DENSE) == addresses(DENSE, DENSE) == ["dense", "dense_1"]


def test_default_names_are_counted_per_list() -> None:
    """A block has its own counters."""
    assert addresses(DENSE, block(DENSE, DENSE), DENSE) == ["dense", "b/dense", "b/dense_1", "b", "dense_1"]


def test_aliases_have_the_default_name_of_the_type() -> None:
    """A MaxPool2D is a `max_pooling2d`."""
    assert addresses({"type": "MaxPool2D"}, {"type": "MaxPooling2D"}) == ["max_pooling2d", "max_pooling2d_1"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([None, "dense"], ["dense_1", "dense"]),
        (["dense", None], ["dense", "dense_1"]),
        ([None, "dense_1", None], ["dense", "dense_1", "dense_2"]),
        (["dense_1", None, None], ["dense_1", "dense", "dense_2"]),
        ([None, None, "dense", "dense_2"], ["dense_1", "dense_3", "dense", "dense_2"]),
    ],
)
def test_default_names_avoid_explicit_names(names: list[str | None], expected: list[str]) -> None:
    """Wherever in the list they are."""
    assert addresses(*({**DENSE, "name": name} for name in names)) == expected


def test_default_names_avoid_input_names() -> None:
    """With an input called `dense` the first layer is `dense_1`."""
    assert addresses(DENSE, input={"dense": [4]}) == ["dense_1"]


@pytest.mark.parametrize(
    ("layers", "pointer"),
    [
        ([{**DENSE, "name": "a"}, RELU, {**DENSE, "name": "a"}], "/layers/2/name"),
        ([{**DENSE, "name": "input"}], "/layers/0/name"),
        ([RELU, block({**DENSE, "name": "a"}, {**RELU, "name": "a"})], "/layers/1/layers/1/name"),
        ([block({**DENSE, "name": "x"}, input=["x"])], "/layers/0/layers/0/name"),
    ],
)
def test_names_are_unique_in_a_list(layers: list[Any], pointer: str) -> None:
    """Among layers and inputs."""
    found = refusal(*layers)
    assert (found.pointer, found.message) == (pointer, "this name is taken")


def test_a_name_may_be_reused_in_a_block() -> None:
    """Blocks are separate namespaces."""
    assert addresses({**DENSE, "name": "a"}, block({**DENSE, "name": "a"})) == ["a", "b/a", "b"]


def test_a_layer_reads_its_predecessor() -> None:
    """The first reads the input."""
    assert reads(DENSE, RELU, DENSE) == {"dense": ("input",), "re_lu": ("dense",), "dense_1": ("re_lu",)}


def test_the_first_layer_reads_the_named_input() -> None:
    """Whatever the input is called."""
    assert reads(DENSE, input={"picture": [4]}) == {"dense": ("picture",)}


def test_a_merging_layer_reads_all_inputs_by_default() -> None:
    """In the order of their declaration."""
    assert reads(ADD, input=TWO_INPUTS) == {"add": ("left", "right")}


def test_a_layer_of_one_input_must_select_one_of_several() -> None:
    """With a suggestion."""
    assert refusal(DENSE, input=TWO_INPUTS) == Problem(
        "/layers/0/inputs",
        "what comes before has several tensors: say which one this layer reads",
        '"inputs" with one of left, right',
        "nothing",
        'write "inputs": ["left"]',
    )


def test_inputs_may_be_any_earlier_tensor() -> None:
    """Layers, inputs, layers inside blocks, and single outputs."""
    layers = [
        {**DENSE, "name": "a"},
        {**DENSE, "name": "c", "inputs": ["input"]},
        block(RELU, inputs=["a"]),
        {**ADD, "inputs": ["a", "c", "b", "b/re_lu", "input", "a#0"]},
    ]
    assert reads(*layers)["add"] == ("a", "c", "b", "b/re_lu", "input", "a")


@pytest.mark.parametrize(
    ("layers", "pointer", "suggestion"),
    [
        ([DENSE, {**ADD, "inputs": ["input", "dens"]}], "/layers/1/inputs/1", 'write "dense"'),
        ([DENSE, {**RELU, "inputs": ["dense:pre"]}], "/layers/1/inputs/0", 'write "dense"'),
        ([{**DENSE, "name": "outside"}, block({**RELU, "inputs": ["outside"]})], "/layers/1/layers/0/inputs/0",
         "name a layer of the same list"),
        ([DENSE, {**DENSE, "calls": [["dense"], ["danse"]]}], "/layers/1/calls/1/0", 'write "dense"'),
        ([block({**RELU, "name": "last"}, outputs=["lost"])], "/layers/0/outputs/0", 'write "last"'),
    ],
)  # fmt: skip
def test_unknown_addresses_are_rejected_with_a_suggestion(layers: list[Any], pointer: str, suggestion: str) -> None:
    """Misspelled ones, and those outside of the block."""
    found = refusal(*layers)
    assert (found.pointer, found.message) == (pointer, "no layer has this address")
    assert found.suggestion == suggestion


@pytest.mark.parametrize(
    ("layers", "pointer"),
    [
        ([DENSE, {**DENSE, "inputs": ["dense_1"]}], "/layers/1/inputs/0"),
        ([{**RELU, "inputs": ["later"]}, {**DENSE, "name": "later"}], "/layers/0/inputs/0"),
    ],
)
def test_cycles_are_rejected(layers: list[Any], pointer: str) -> None:
    """A layer cannot read itself or its dependents."""
    found = refusal(*layers)
    assert found.pointer == pointer
    assert "cannot be computed first" in found.message


def test_layers_may_be_in_any_order() -> None:
    """A layer may read one that is listed after it; nodes are sorted topologically."""
    layers = [{**RELU, "inputs": ["later"]}, {**DENSE, "name": "later", "inputs": ["input"]}]
    assert list(reads(*layers).items()) == [("later", ("input",)), ("re_lu", ("later",))]


def test_candidates_are_listed_once() -> None:
    """Under one name each."""
    assert refusal(DENSE, STATES, {**RELU, "inputs": ["x"]}).expected == "one of input, dense, lstm#0, lstm#1, lstm#2"


@pytest.mark.parametrize(
    ("layer", "pointer", "message", "received"),
    [
        ({**DENSE, "inputs": ["input", "input"]}, "/layers/0/inputs", "Dense reads 1 input", "2"),
        (ADD, "/layers/0/inputs", "Add reads at least 2 inputs", "1"),
        ({"type": "Subtract", "inputs": ["input"] * 3}, "/layers/0/inputs", "Subtract reads 2 inputs", "3"),
        ({"type": "Attention", "inputs": ["input"] * 4}, "/layers/0/inputs", "Attention reads 2 to 3 inputs", "4"),
        ({**ADD, "calls": [["input", "input"], ["input"]]}, "/layers/0/calls/1", "Add reads at least 2 inputs", "1"),
        (block(ADD, input=["x", "y"]), "/layers/0/inputs", "Block reads 2 inputs", "1"),
        (block(RELU, calls=[["input"], ["input", "input"]]), "/layers/0/calls/1", "Block reads 1 input", "2"),
    ],
)
def test_the_number_of_inputs_is_checked(layer: Any, pointer: str, message: str, received: str) -> None:
    """Before Keras is called."""
    found = refusal(layer)
    assert (found.pointer, found.message, found.received) == (pointer, message, received)


def test_calls_are_nodes_that_share_a_path() -> None:
    """The path identifies the weights; the addresses are numbered."""
    nodes = network({**DENSE, "name": "s", "calls": [["left"], ["right"]]}, input=TWO_INPUTS).nodes
    assert [(node.address, node.path, node.inputs) for node in nodes] == [
        ("s@0", "s", ("left",)),
        ("s@1", "s", ("right",)),
    ]


def test_the_layer_after_calls_reads_the_last_one() -> None:
    """It is also the network's output."""
    layers = [{**DENSE, "name": "s", "calls": [["left"], ["right"]]}]
    assert reads(*layers, RELU, input=TWO_INPUTS)["re_lu"] == ("s@1",)
    assert network(*layers, input=TWO_INPUTS).outputs == ("s@1",)


def test_a_single_call_has_no_number() -> None:
    """`calls` with one list equals `inputs`."""
    assert addresses({**DENSE, "calls": [["input"]]}) == ["dense"]


def test_the_name_of_a_layer_called_twice_is_ambiguous() -> None:
    """The error lists its calls."""
    layers = [{**DENSE, "name": "s", "calls": [["left"], ["right"]]}, {**RELU, "inputs": ["s"]}]
    found = refusal(*layers, input=TWO_INPUTS)
    assert (found.message, found.expected, found.suggestion) == (
        '"s" names several tensors', "one of s@0, s@1", 'write "s@0"',
    )  # fmt: skip


def test_inputs_and_calls_exclude_each_other() -> None:
    """A layer may have only one of them."""
    assert refusal({**DENSE, "inputs": ["input"], "calls": [["input"]]}).pointer == "/layers/0/calls"


def test_blocks_are_expanded_in_order() -> None:
    """Its layers, then a node that names the result and computes nothing."""
    nodes = network(block(DENSE, RELU)).nodes
    assert [(node.address, node.inputs, node.is_block) for node in nodes] == [
        ("b/dense", ("input",), False),
        ("b/re_lu", ("b/dense",), False),
        ("b", ("b/re_lu",), True),
    ]


def test_nodes_have_pointers_into_blocks() -> None:
    """To their position in the document."""
    nodes = network(DENSE, block(RELU, block(DENSE))).nodes
    assert {node.address: node.pointer for node in nodes} == {
        "dense": "/layers/0",
        "b/re_lu": "/layers/1/layers/0",
        "b/b/dense": "/layers/1/layers/1/layers/0",
        "b/b": "/layers/1/layers/1",
        "b": "/layers/1",
    }


def test_input_inside_a_block_is_the_input_of_the_block() -> None:
    """Not that of the network."""
    assert reads(DENSE, block({**ADD, "inputs": ["input", "input"]}))["b/add"] == ("dense", "dense")


def test_blocks_may_have_several_named_inputs() -> None:
    """They are passed in the order of the names."""
    inner = [{**DENSE, "inputs": ["y"]}, {**ADD, "inputs": ["x", "dense"]}]
    found = reads(block(*inner, input=["x", "y"], inputs=["left", "right"]), input=TWO_INPUTS)
    assert found == {"b/dense": ("right",), "b/add": ("left", "b/dense"), "b": ("b/add",)}


def test_several_outputs_of_a_block_are_numbered() -> None:
    """A later layer reads all of them, or selects one."""
    both = block(DENSE, RELU, outputs=["re_lu", "dense"])
    assert reads(both, ADD)["add"] == ("b#0", "b#1")
    assert network(both, ADD).node_of["b#1"].inputs == ("b/re_lu", "b/dense")
    assert refusal(both, DENSE).expected == '"inputs" with one of b#0, b#1'


def test_calls_of_a_block_share_paths() -> None:
    """One encoder for two inputs: separate addresses, shared weights."""
    shared = block(DENSE, block(DENSE), calls=[["left"], ["right"]])
    nodes = [node for node in network(shared, input=TWO_INPUTS).nodes if not node.is_block]
    assert [(node.address, node.path) for node in nodes] == [
        ("b@0/dense", "b/dense"),
        ("b@0/b/dense", "b/b/dense"),
        ("b@1/dense", "b/dense"),
        ("b@1/b/dense", "b/b/dense"),
    ]


def test_calls_inside_called_blocks_are_numbered_per_level() -> None:
    """By the call of the block and the call of the layer."""
    shared = block({**DENSE, "calls": [["input"], ["input"]]}, calls=[["left"], ["right"]])
    assert addresses(shared, input=TWO_INPUTS) == [
        "b@0/dense@0", "b@0/dense@1", "b@0", "b@1/dense@0", "b@1/dense@1", "b@1",
    ]  # fmt: skip


def test_the_default_outputs_are_those_of_the_last_layer() -> None:
    """All of them."""
    assert network(DENSE, RELU).outputs == ("re_lu",)
    assert network(STATES).outputs == ("lstm#0", "lstm#1", "lstm#2")


def test_outputs_are_addresses() -> None:
    """Of layers, calls, layers inside blocks and inputs, in canonical spelling."""
    found = network(DENSE, block(RELU), outputs=["b/re_lu", "dense#0", "input", "b"])
    assert found.outputs == ("b/re_lu", "dense", "input", "b")


@pytest.mark.parametrize("outputs", [["missing"], ["dense", "lstm"]])
def test_invalid_outputs_are_rejected(outputs: list[str]) -> None:
    """Unknown and ambiguous ones."""
    assert refusal(DENSE, STATES, outputs=outputs).pointer == f"/outputs/{len(outputs) - 1}"


def test_several_outputs_are_read_by_number() -> None:
    """The sequence and the states of an LSTM are three tensors."""
    assert network(STATES).nodes[0].outputs == ("lstm#0", "lstm#1", "lstm#2")
    assert reads(STATES, {**RELU, "inputs": ["lstm#1"]})["re_lu"] == ("lstm#1",)
    assert reads(STATES, {"type": "Concatenate"})["concatenate"] == ("lstm#0", "lstm#1", "lstm#2")
    assert refusal(STATES, RELU).suggestion == 'write "inputs": ["lstm#0"]'
    assert refusal(STATES, {**RELU, "inputs": ["lstm"]}).expected == "one of lstm#0, lstm#1, lstm#2"
    assert refusal(STATES, {**RELU, "inputs": ["lstm#3"]}).suggestion == 'write "lstm#2"'


def test_inputs_are_those_declared() -> None:
    """Undeclared, there are none yet, and layers read `input`."""
    assert list(network(ADD, input=TWO_INPUTS).inputs) == ["left", "right"]
    assert network(DENSE).inputs == {}
    assert reads(DENSE) == {"dense": ("input",)}


def test_node_of_maps_tensors_to_nodes() -> None:
    """Every output of every node, without inputs."""
    found = network(DENSE, STATES)
    assert {address: node.path for address, node in found.node_of.items()} == {
        "dense": "dense", "lstm#0": "lstm", "lstm#1": "lstm", "lstm#2": "lstm",
    }  # fmt: skip


def test_expansion_is_bounded() -> None:
    """Nested calls multiply: five small blocks could be a billion layers."""
    layers: Any = RELU
    for _ in range(5):
        layers = block(layers, calls=[["input"]] * 64)
    assert refusal(layers).expected == f"at most {MAX_NODES:,} calls"
    shared = [{**RELU, "calls": [["input"]] * 64}] * (MAX_NODES // 64)
    assert len(network(*shared).nodes) == MAX_NODES
    assert refusal(*shared, RELU).pointer == f"/layers/{len(shared)}"


def test_a_document_of_the_maximum_size_is_expanded() -> None:
    """The bound on nodes allows every document without calls."""
    assert len(network(*[RELU] * 1024).nodes) == 1024


def test_an_architecture_is_expanded_once() -> None:
    """Expansion itself is not cached: a copy with another seed has another identity."""
    document = parse_document({"input": [4], "layers": [{"type": "Dense", "units": 2}]})
    architecture = Architecture(document)
    assert architecture.network is architecture.network
    other = document.model_copy(update={"seed": 1})
    assert expand(other).identity() != expand(document).identity() == architecture.network.identity()
    assert expand(document.with_source_map(document.source_map)).document == document


def test_an_architecture_has_variants_per_input_shape() -> None:
    """The last used ones are cached and counted as memory; a dtype makes another variant."""
    architecture = Architecture(parse_document({"layers": [{"type": "Dense", "units": 2}]}))
    assert architecture.nbytes == NODE_BYTES * (1 + KEPT_INPUTS)
    variants = [architecture.on_inputs({"input": InputSpec(shape=[n])}) for n in range(1, 40)]
    assert architecture.on_inputs({"input": InputSpec(shape=[39])}) is variants[38]
    assert architecture.on_inputs({"input": InputSpec(shape=[39 - KEPT_INPUTS])}) is not variants[38 - KEPT_INPUTS]
    assert architecture.on_inputs({"input": InputSpec(shape=[39], dtype="float64")}) is not variants[38]
    assert [variant.network.inputs["input"].shape for variant in variants] == [[n] for n in range(1, 40)]
    assert variants[0].nbytes == NODE_BYTES

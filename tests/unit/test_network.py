"""Documents spelled out: names, addresses, calls, blocks, outputs, and what leads nowhere."""

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
    """The expanded network of some layers."""
    return expand(parse_document({"layers": list(layers), **fields}))


def addresses(*layers: Any, **fields: Any) -> list[str]:
    """The address of every node, in order."""
    return [node.address for node in network(*layers, **fields).nodes]


def reads(*layers: Any, **fields: Any) -> dict[str, tuple[str, ...]]:
    """What each node reads."""
    return {node.address: node.inputs for node in network(*layers, **fields).nodes}


def refusal(*layers: Any, **fields: Any) -> Problem:
    """The one problem of a document whose graph makes no sense."""
    document = parse_document({"layers": list(layers), **fields})
    with pytest.raises(InvalidDocument) as refused:
        expand(document)
    (only,) = refused.value.problems
    return only


def block(*layers: Any, **fields: Any) -> dict[str, Any]:
    """A block called b."""
    return {"type": "Block", "name": "b", "layers": list(layers), **fields}


def test_default_names_are_those_of_keras_counted_by_type() -> None:
    """The first has no number, the second is _1; each type counts for itself."""
    layers = [DENSE, RELU, DENSE, {"type": "Conv2D", "filters": 1, "kernel_size": 1}, DENSE, RELU]
    assert addresses(*layers) == ["dense", "re_lu", "dense_1", "conv2d", "dense_2", "re_lu_1"]


def test_default_names_do_not_depend_on_what_was_expanded_before() -> None:
    """Nothing is counted in the process."""
    assert addresses(DENSE, DENSE) == addresses(DENSE, DENSE) == ["dense", "dense_1"]


def test_default_names_are_counted_per_list() -> None:
    """A block begins anew, and does not disturb the list that it stands in."""
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
def test_default_names_make_way_for_names_that_were_written(names: list[str | None], expected: list[str]) -> None:
    """Wherever in the list a name is written, no default takes it."""
    assert addresses(*({**DENSE, "name": name} for name in names)) == expected


def test_default_names_make_way_for_inputs() -> None:
    """An input called `dense` is not a layer's address too."""
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
def test_a_name_is_used_once_in_a_list(layers: list[Any], pointer: str) -> None:
    """Neither two layers nor a layer and an input share a name."""
    found = refusal(*layers)
    assert (found.pointer, found.message) == (pointer, "this name is taken")


def test_a_name_may_return_in_a_block() -> None:
    """Blocks are rooms of their own."""
    assert addresses({**DENSE, "name": "a"}, block({**DENSE, "name": "a"})) == ["a", "b/a", "b"]


def test_a_layer_reads_the_one_before() -> None:
    """The first reads the input."""
    assert reads(DENSE, RELU, DENSE) == {"dense": ("input",), "re_lu": ("dense",), "dense_1": ("re_lu",)}


def test_the_first_layer_reads_the_input_under_its_own_name() -> None:
    """Whatever it is called."""
    assert reads(DENSE, input={"picture": [4]}) == {"dense": ("picture",)}


def test_a_merging_layer_reads_all_inputs_by_default() -> None:
    """In the order of their declaration."""
    assert reads(ADD, input=TWO_INPUTS) == {"add": ("left", "right")}


def test_a_layer_of_one_input_has_to_say_which_of_several() -> None:
    """Nothing is guessed."""
    assert refusal(DENSE, input=TWO_INPUTS) == Problem(
        "/layers/0/inputs",
        "what comes before has several tensors: say which one this layer reads",
        '"inputs" with one of left, right',
        "nothing",
        'write "inputs": ["left"]',
    )


def test_inputs_are_addresses_of_earlier_tensors() -> None:
    """Layers, inputs, insides of blocks and single outputs of layers can be read."""
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
def test_addresses_that_lead_nowhere_are_refused(layers: list[Any], pointer: str, suggestion: str) -> None:
    """What is misspelt or outside of the block cannot be read; what is near is suggested."""
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
def test_layers_that_wait_for_each_other_are_refused(layers: list[Any], pointer: str) -> None:
    """A layer cannot read itself, nor what reads it."""
    found = refusal(*layers)
    assert found.pointer == pointer
    assert "cannot be computed first" in found.message


def test_layers_stand_in_any_order() -> None:
    """A layer may read one that is listed after it; it is computed after it."""
    layers = [{**RELU, "inputs": ["later"]}, {**DENSE, "name": "later", "inputs": ["input"]}]
    assert list(reads(*layers).items()) == [("later", ("input",)), ("re_lu", ("later",))]


def test_candidates_are_listed_once_each() -> None:
    """The addresses that could have been meant, under one name each."""
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
def test_layers_read_as_many_tensors_as_they_can(layer: Any, pointer: str, message: str, received: str) -> None:
    """Too few and too many are refused before Keras is asked."""
    found = refusal(layer)
    assert (found.pointer, found.message, found.received) == (pointer, message, received)


def test_calls_are_nodes_that_share_a_path() -> None:
    """`path` owns the weights, the addresses are numbered."""
    nodes = network({**DENSE, "name": "s", "calls": [["left"], ["right"]]}, input=TWO_INPUTS).nodes
    assert [(node.address, node.path, node.inputs) for node in nodes] == [
        ("s@0", "s", ("left",)),
        ("s@1", "s", ("right",)),
    ]


def test_the_layer_after_calls_reads_the_last_of_them() -> None:
    """And so does the network's output."""
    layers = [{**DENSE, "name": "s", "calls": [["left"], ["right"]]}]
    assert reads(*layers, RELU, input=TWO_INPUTS)["re_lu"] == ("s@1",)
    assert network(*layers, input=TWO_INPUTS).outputs == ("s@1",)


def test_one_call_has_no_number() -> None:
    """`calls` with one list is the same as `inputs`."""
    assert addresses({**DENSE, "calls": [["input"]]}) == ["dense"]


def test_the_name_of_a_layer_that_is_called_twice_is_ambiguous() -> None:
    """Its calls are listed."""
    layers = [{**DENSE, "name": "s", "calls": [["left"], ["right"]]}, {**RELU, "inputs": ["s"]}]
    found = refusal(*layers, input=TWO_INPUTS)
    assert (found.message, found.expected, found.suggestion) == (
        '"s" names several tensors', "one of s@0, s@1", 'write "s@0"',
    )  # fmt: skip


def test_inputs_and_calls_exclude_each_other() -> None:
    """One says what a layer reads."""
    assert refusal({**DENSE, "inputs": ["input"], "calls": [["input"]]}).pointer == "/layers/0/calls"


def test_blocks_are_expanded_in_order() -> None:
    """What is inside comes first, then a node that names the result and computes nothing."""
    nodes = network(block(DENSE, RELU)).nodes
    assert [(node.address, node.inputs, node.is_block) for node in nodes] == [
        ("b/dense", ("input",), False),
        ("b/re_lu", ("b/dense",), False),
        ("b", ("b/re_lu",), True),
    ]


def test_pointers_lead_into_blocks() -> None:
    """Each node knows its place in the document."""
    nodes = network(DENSE, block(RELU, block(DENSE))).nodes
    assert {node.address: node.pointer for node in nodes} == {
        "dense": "/layers/0",
        "b/re_lu": "/layers/1/layers/0",
        "b/b/dense": "/layers/1/layers/1/layers/0",
        "b/b": "/layers/1/layers/1",
        "b": "/layers/1",
    }


def test_input_inside_a_block_is_what_the_block_reads() -> None:
    """Not the network's, unless that is what it reads."""
    assert reads(DENSE, block({**ADD, "inputs": ["input", "input"]}))["b/add"] == ("dense", "dense")


def test_blocks_may_have_several_inputs_under_their_own_names() -> None:
    """Given in the order of their names."""
    inner = [{**DENSE, "inputs": ["y"]}, {**ADD, "inputs": ["x", "dense"]}]
    found = reads(block(*inner, input=["x", "y"], inputs=["left", "right"]), input=TWO_INPUTS)
    assert found == {"b/dense": ("right",), "b/add": ("left", "b/dense"), "b": ("b/add",)}


def test_outputs_of_a_block_are_numbered_when_there_are_several() -> None:
    """A later layer reads all of them, or says which."""
    both = block(DENSE, RELU, outputs=["re_lu", "dense"])
    assert reads(both, ADD)["add"] == ("b#0", "b#1")
    assert network(both, ADD).node_of["b#1"].inputs == ("b/re_lu", "b/dense")
    assert refusal(both, DENSE).expected == '"inputs" with one of b#0, b#1'


def test_calls_of_a_block_share_paths_but_not_addresses() -> None:
    """One encoder on two sides: twice the tensors, once the weights."""
    shared = block(DENSE, block(DENSE), calls=[["left"], ["right"]])
    nodes = [node for node in network(shared, input=TWO_INPUTS).nodes if not node.is_block]
    assert [(node.address, node.path) for node in nodes] == [
        ("b@0/dense", "b/dense"),
        ("b@0/b/dense", "b/b/dense"),
        ("b@1/dense", "b/dense"),
        ("b@1/b/dense", "b/b/dense"),
    ]


def test_calls_inside_called_blocks_are_numbered_on_every_level() -> None:
    """An address says which call of the block and which call of the layer."""
    shared = block({**DENSE, "calls": [["input"], ["input"]]}, calls=[["left"], ["right"]])
    assert addresses(shared, input=TWO_INPUTS) == [
        "b@0/dense@0", "b@0/dense@1", "b@0", "b@1/dense@0", "b@1/dense@1", "b@1",
    ]  # fmt: skip


def test_outputs_are_the_last_layer_s_by_default() -> None:
    """All of them."""
    assert network(DENSE, RELU).outputs == ("re_lu",)
    assert network(STATES).outputs == ("lstm#0", "lstm#1", "lstm#2")


def test_outputs_are_addresses() -> None:
    """Of layers, calls, blocks' insides and inputs, in canonical spelling."""
    found = network(DENSE, block(RELU), outputs=["b/re_lu", "dense#0", "input", "b"])
    assert found.outputs == ("b/re_lu", "dense", "input", "b")


@pytest.mark.parametrize("outputs", [["missing"], ["dense", "lstm"]])
def test_outputs_that_lead_nowhere_are_refused(outputs: list[str]) -> None:
    """Unknown and ambiguous ones alike."""
    assert refusal(DENSE, STATES, outputs=outputs).pointer == f"/outputs/{len(outputs) - 1}"


def test_layers_with_several_outputs_have_to_be_read_by_number() -> None:
    """The sequence and the states of an LSTM are three tensors."""
    assert network(STATES).nodes[0].outputs == ("lstm#0", "lstm#1", "lstm#2")
    assert reads(STATES, {**RELU, "inputs": ["lstm#1"]})["re_lu"] == ("lstm#1",)
    assert reads(STATES, {"type": "Concatenate"})["concatenate"] == ("lstm#0", "lstm#1", "lstm#2")
    assert refusal(STATES, RELU).suggestion == 'write "inputs": ["lstm#0"]'
    assert refusal(STATES, {**RELU, "inputs": ["lstm"]}).expected == "one of lstm#0, lstm#1, lstm#2"
    assert refusal(STATES, {**RELU, "inputs": ["lstm#3"]}).suggestion == 'write "lstm#2"'


def test_inputs_are_those_declared() -> None:
    """Without a declaration there are none yet, and layers read one called `input`."""
    assert list(network(ADD, input=TWO_INPUTS).inputs) == ["left", "right"]
    assert network(DENSE).inputs == {}
    assert reads(DENSE) == {"dense": ("input",)}


def test_node_of_leads_from_tensors_to_nodes() -> None:
    """Every output of every node, and no input."""
    found = network(DENSE, STATES)
    assert {address: node.path for address, node in found.node_of.items()} == {
        "dense": "dense", "lstm#0": "lstm", "lstm#1": "lstm", "lstm#2": "lstm",
    }  # fmt: skip


def test_expansion_is_bounded() -> None:
    """Calls within calls multiply: five small blocks could be a billion layers."""
    layers: Any = RELU
    for _ in range(5):
        layers = block(layers, calls=[["input"]] * 64)
    assert refusal(layers).expected == f"at most {MAX_NODES:,} calls"
    shared = [{**RELU, "calls": [["input"]] * 64}] * (MAX_NODES // 64)
    assert len(network(*shared).nodes) == MAX_NODES
    assert refusal(*shared, RELU).pointer == f"/layers/{len(shared)}"


def test_a_whole_document_of_layers_is_expanded() -> None:
    """The bound on nodes leaves room for every document without calls."""
    assert len(network(*[RELU] * 1024).nodes) == 1024


def test_an_architecture_is_expanded_once() -> None:
    """Expansion itself keeps nothing: a copy with another seed has another identity."""
    document = parse_document({"input": [4], "layers": [{"type": "Dense", "units": 2}]})
    architecture = Architecture(document)
    assert architecture.network is architecture.network
    other = document.model_copy(update={"seed": 1})
    assert expand(other).identity() != expand(document).identity() == architecture.network.identity()
    assert expand(document.with_source_map(document.source_map)).document == document


def test_an_architecture_without_inputs_has_a_variant_for_each_shape() -> None:
    """The variants used last are cached, and counted as memory; a dtype makes another variant."""
    architecture = Architecture(parse_document({"layers": [{"type": "Dense", "units": 2}]}))
    assert architecture.nbytes == NODE_BYTES * (1 + KEPT_INPUTS)
    variants = [architecture.on_inputs({"input": InputSpec(shape=[n])}) for n in range(1, 40)]
    assert architecture.on_inputs({"input": InputSpec(shape=[39])}) is variants[38]
    assert architecture.on_inputs({"input": InputSpec(shape=[39 - KEPT_INPUTS])}) is not variants[38 - KEPT_INPUTS]
    assert architecture.on_inputs({"input": InputSpec(shape=[39], dtype="float64")}) is not variants[38]
    assert [variant.network.inputs["input"].shape for variant in variants] == [[n] for n in range(1, 40)]
    assert variants[0].nbytes == NODE_BYTES

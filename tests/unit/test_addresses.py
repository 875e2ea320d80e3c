"""Selectors: addresses, globs and types, what they mean and what is said of those that mean nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import InvalidOption, Problem, UnknownAddress
from models.networks.expansion import expand
from models.networks.network import Network
from models.networks.selector_problems import MAX_CANDIDATES
from models.networks.selectors import addresses, everything, select
from models.networks.selectors import matches as matches_of
from models.reading.parse import parse_document

CONV: dict[str, Any] = {"type": "Conv2D", "filters": 2, "kernel_size": 1}
RELU_CONV: dict[str, Any] = {**CONV, "activation": "relu"}


def network(*layers: Any, **fields: Any) -> Network:
    """The expanded network of some layers."""
    return expand(parse_document({"layers": list(layers), **fields}))


NET = network(
    RELU_CONV,
    {"type": "Block", "name": "block1", "layers": [RELU_CONV, {"type": "MaxPooling2D"}]},
    {"type": "Block", "name": "block2", "layers": [CONV, {"type": "Block", "name": "inner", "layers": [RELU_CONV]}]},
    {"type": "Dense", "units": 4, "name": "shared", "activation": "tanh", "calls": [["block1"], ["block2"]]},
    {"type": "Reshape", "target_shape": [-1, 4]},
    {"type": "LSTM", "units": 2, "return_state": True},
)
LAYERS = (
    "conv2d", "block1/conv2d", "block1/max_pooling2d", "block2/conv2d", "block2/inner/conv2d", "shared@0", "shared@1",
    "reshape", "lstm#0", "lstm#1", "lstm#2",
)  # fmt: skip


def refusal(*selectors: str, of: Network = NET) -> Problem:
    """The one problem of selectors that are refused."""
    with pytest.raises(UnknownAddress) as refused:
        select(of, selectors)
    (only,) = refused.value.problems
    return only


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("conv2d", ["conv2d"]),
        ("block1/conv2d", ["block1/conv2d"]),
        ("block2/inner/conv2d", ["block2/inner/conv2d"]),
        ("block1", ["block1"]),
        ("block2/inner", ["block2/inner"]),
        ("shared@0", ["shared@0"]),
        ("shared@1", ["shared@1"]),
        ("conv2d:pre", ["conv2d:pre"]),
        ("block1/conv2d:pre", ["block1/conv2d:pre"]),
        ("shared@1:pre", ["shared@1:pre"]),
        ("lstm#1", ["lstm#1"]),
        ("input", ["input"]),
        ("conv2d#0", ["conv2d"]),
        ("*", ["conv2d", "block1", "block2", "shared@0", "shared@1", "reshape", "lstm#0", "lstm#1", "lstm#2"]),
        ("conv*", ["conv2d"]),
        ("*/conv2d", ["block1/conv2d", "block2/conv2d"]),
        ("block?/conv*", ["block1/conv2d", "block2/conv2d"]),
        ("block1/*", ["block1/conv2d", "block1/max_pooling2d"]),
        ("block?", ["block1", "block2"]),
        ("block?/*/*", ["block2/inner/conv2d"]),
        ("**/conv2d", ["conv2d", "block1/conv2d", "block2/conv2d", "block2/inner/conv2d"]),
        ("block2/**", ["block2/conv2d", "block2/inner/conv2d", "block2/inner"]),
        ("block2/**/conv2d", ["block2/conv2d", "block2/inner/conv2d"]),
        ("**conv2d", ["conv2d", "block1/conv2d", "block2/conv2d", "block2/inner/conv2d"]),
        ("**/*ool*", ["block1/max_pooling2d"]),
        ("shared@?", ["shared@0", "shared@1"]),
        ("lstm#*", ["lstm#0", "lstm#1", "lstm#2"]),
        ("*:pre", ["conv2d:pre", "shared@0:pre", "shared@1:pre"]),
        ("**/conv2d:pre", ["conv2d:pre", "block1/conv2d:pre", "block2/inner/conv2d:pre"]),
        ("type:Conv2D", ["conv2d", "block1/conv2d", "block2/conv2d", "block2/inner/conv2d"]),
        ("type:Convolution2D", ["conv2d", "block1/conv2d", "block2/conv2d", "block2/inner/conv2d"]),
        ("type:MaxPool2D", ["block1/max_pooling2d"]),
        ("type:Dense", ["shared@0", "shared@1"]),
        ("type:LSTM", ["lstm#0", "lstm#1", "lstm#2"]),
        ("type:Block", ["block1", "block2/inner", "block2"]),
    ],
)  # fmt: skip
def test_selector_means(selector: str, found: list[str]) -> None:
    """Addresses mean themselves; `*` and `?` stay within a segment, `**` spans them; `type:` takes every call."""
    assert select(NET, [selector]) == tuple(found)


def test_no_selection_is_every_layer_in_the_order_of_computation() -> None:
    """Without blocks, whose results are their last layers'."""
    assert select(NET, None) == everything(NET) == LAYERS


def test_everything_can_also_be_written() -> None:
    """`**` is all layers and blocks."""
    assert set(select(NET, ["**"])) == {*LAYERS, "block1", "block2", "block2/inner"}


def test_selectors_keep_their_order_and_each_tensor_comes_once() -> None:
    """In the order asked for; what several selectors mean stands where the first of them does."""
    assert select(NET, ["lstm#2", "conv2d", "conv*", "type:Conv2D", "lstm#2", "conv2d#0"]) == (
        "lstm#2", "conv2d", "block1/conv2d", "block2/conv2d", "block2/inner/conv2d",
    )  # fmt: skip


def test_nothing_asked_for_is_nothing() -> None:
    """An empty list is not the same as none."""
    assert select(NET, []) == ()


def test_inputs_are_selected_by_their_own_names() -> None:
    """`input` is only the name of an input that has no other."""
    two = network({"type": "Add"}, input={"left": [2], "right": [2]})
    assert select(two, ["right", "left"]) == ("right", "left")
    assert refusal("input", of=two).expected == "one of left, right, add, a glob, or type:Name"


def test_names_with_signs_of_regular_expressions_are_names() -> None:
    """Only the wildcards of globs are special."""
    odd = network({"type": "ReLU", "name": "a.c[1]+(x)"}, {"type": "ReLU", "name": "abc"})
    assert select(odd, ["a.c[1]+(x)"]) == ("a.c[1]+(x)",)
    assert select(odd, ["a.c[?]*"]) == ("a.c[1]+(x)",)
    assert refusal("a.?", of=odd)
    assert refusal("ABC*", of=odd)


@pytest.mark.parametrize(
    ("selector", "candidates"),
    [("shared", ("shared@0", "shared@1")), ("lstm", ("lstm#0", "lstm#1", "lstm#2"))],
)
def test_ambiguous_addresses_are_refused_with_what_they_could_mean(selector: str, candidates: tuple[str, ...]) -> None:
    """A layer called twice, or with several outputs, has to be named in full."""
    assert refusal("conv2d", selector) == Problem(
        "/layers/1",
        f'"{selector}" names several tensors',
        f"one of {', '.join(candidates)}",
        f'"{selector}"',
        f'write "{candidates[0]}"',
    )


CALLS = network(
    {"type": "Block", "name": "outer", "layers": [
        {"type": "Block", "name": "inner", "calls": [["input"], ["input"]], "layers": [RELU_CONV]},
        {"type": "Add", "inputs": ["inner@0", "inner@1"]},
    ], "calls": [["input"], ["input"]]},
    {"type": "LSTM", "units": 2, "return_state": True, "calls": [["outer@0"], ["outer@1"]]},
)  # fmt: skip


@pytest.mark.parametrize(
    ("selector", "candidates"),
    [
        ("outer", "outer@0, outer@1"),
        ("outer/add", "outer@0/add, outer@1/add"),
        ("outer@1/inner", "outer@1/inner@0, outer@1/inner@1"),
        ("outer@1/inner/conv2d:pre", "outer@1/inner@0/conv2d:pre, outer@1/inner@1/conv2d:pre"),
        ("outer/inner@1/conv2d", "outer@0/inner@1/conv2d, outer@1/inner@1/conv2d"),
        ("lstm@1", "lstm@1#0, lstm@1#1, lstm@1#2"),
        ("lstm#2", "lstm@0#2, lstm@1#2"),
        ("lstm", "lstm@0#0, lstm@0#1, lstm@0#2, lstm@1#0, lstm@1#1, lstm@1#2"),
    ],
)
def test_every_tensor_that_an_unnumbered_address_could_mean_is_listed(selector: str, candidates: str) -> None:
    """Whole addresses, wherever in the path the number of a call or an output is missing."""
    found = refusal(selector, of=CALLS)
    assert (found.message, found.expected) == (f'"{selector}" names several tensors', f"one of {candidates}")
    assert found.suggestion == f'write "{candidates.partition(",")[0]}"'


@pytest.mark.parametrize(
    "address", ["outer@1/inner@0/conv2d:pre", "outer@0/inner@1/conv2d", "outer@1", "outer@1/add", "lstm@1#2"]
)
def test_numbers_go_together(address: str) -> None:
    """A call, an output, and what lies before an activation, at any depth."""
    assert select(CALLS, [address]) == (address,)


def test_an_output_number_of_a_single_output_goes_with_pre() -> None:
    """`conv2d#0` is `conv2d`, so `conv2d#0:pre` is `conv2d:pre`."""
    assert select(NET, ["conv2d#0:pre", "shared@1#0:pre"]) == ("conv2d:pre", "shared@1:pre")


@pytest.mark.parametrize(
    ("selector", "suggestion"),
    [("max_pooling2d", "block1/max_pooling2d"), ("max*", "**/max*"), ("inner/conv*", "**/inner/conv*")],
)
def test_layers_inside_blocks_are_pointed_at(selector: str, suggestion: str) -> None:
    """An address without its block is not that layer's, but the suggestion is."""
    assert refusal(selector).suggestion == f'write "{suggestion}"'


def test_of_many_addresses_the_nearest_are_listed_first() -> None:
    """A thousand candidates help nobody."""
    many = network(*[{"type": "ReLU"}] * 500, {"type": "Dense", "units": 2, "name": "logits"})
    assert str(refusal("logit", of=many).expected).startswith("one of logits, input, ")


@pytest.mark.parametrize(
    ("selector", "suggestion"),
    [
        ("conv2", "conv2d"),
        ("Conv2D", "conv2d"),
        ("block1/con2d", "block1/conv2d"),
        ("block2/iner/conv2d", "block2/inner/conv2d"),
        ("lstm#3", "lstm#2"),
        ("conv2d:pref", "conv2d:pre"),
        ("block1/", "block1"),
    ],
)
def test_unknown_addresses_are_refused_with_the_nearest(selector: str, suggestion: str) -> None:
    """Never clamped, never guessed."""
    found = refusal(selector)
    assert (found.message, found.suggestion) == ("no layer matches this selector", f'write "{suggestion}"')


def test_unknown_addresses_come_with_every_address_there_is() -> None:
    """Inputs, layers, blocks and what lies before activations."""
    small = network(RELU_CONV, {"type": "Block", "layers": [{"type": "Flatten"}]})
    assert refusal("zzz", of=small) == Problem(
        "/layers/0",
        "no layer matches this selector",
        "one of input, conv2d, block/flatten, block, conv2d:pre, a glob, or type:Name",
        '"zzz"',
        None,
    )


def test_the_list_of_candidates_is_bounded() -> None:
    """A network of a thousand layers does not make an error of a thousand lines."""
    listed = str(refusal("zzz", of=network(*[{"type": "ReLU"}] * 1000)).expected).split(", ")
    assert len(listed) == MAX_CANDIDATES + len(["…", "a glob", "or type:Name"])
    assert listed[MAX_CANDIDATES] == "…"


@pytest.mark.parametrize("selector", ["zz*", "block3/*", "conv2d?", "**/zz", "*:", "max_pooling2d*", "input*", ""])
def test_globs_that_match_nothing_are_refused(selector: str) -> None:
    """An empty result is more likely a slip than a wish. Globs do not reach inputs."""
    assert refusal(selector).message == "no layer matches this selector"


@pytest.mark.parametrize(
    ("address", "suggestion"),
    [
        ("block1/max_pooling2d", 'write "block1/conv2d": that is what it reads'),
        ("block2/conv2d", 'write "block2/conv2d": no activation is applied to it'),
        ("input", 'write "input": no activation is applied to it'),
        ("block1", 'write "block1/conv2d": that is what it reads'),
        ("block2", 'write "block2/inner/conv2d:pre"'),
        ("lstm#0", 'write "reshape": that is what it reads'),
        ("lstm", 'write "reshape": that is what it reads'),
    ],
)
def test_only_fused_activations_have_something_before_them(address: str, suggestion: str) -> None:
    """A `linear` activation is none; what holds the value that is asked for is named instead."""
    found = refusal(f"{address}:pre")
    assert (found.message, found.suggestion) == (f'"{address}" has no fused activation to look before', suggestion)


def test_before_an_activation_layer_is_what_it_reads() -> None:
    """`re_lu` is a layer of its own: the layer before it holds the value."""
    chain = network(CONV, {"type": "ReLU"}, {"type": "Add", "inputs": ["conv2d", "re_lu"]})
    assert refusal("re_lu:pre", of=chain).suggestion == 'write "conv2d": that is what it reads'
    assert refusal("add:pre", of=chain).suggestion == 'write "conv2d" or "re_lu": that is what it reads'


@pytest.mark.parametrize(
    ("selector", "message", "suggestion"),
    [
        ("type:AveragePooling2D", "this network has no layer of this type", 'write "type:MaxPooling2D"'),
        ("type:AvgPool2D", "this network has no layer of this type", 'write "type:MaxPooling2D"'),
        ("type:conv2d", "there is no layer type of this name", 'write "type:Conv2D"'),
        ("type:Quantum", "there is no layer type of this name", None),
        ("type:", "there is no layer type of this name", None),
    ],
)
def test_types_that_are_not_there_are_refused(selector: str, message: str, suggestion: str | None) -> None:
    """With the types that are; a known type that is absent is told from one that does not exist."""
    found = refusal(selector)
    assert (found.message, found.suggestion) == (message, suggestion)
    assert found.expected == "one of type:Conv2D, type:MaxPooling2D, type:Block, type:Dense, type:Reshape, type:LSTM"


def test_the_pointer_is_that_of_the_selector() -> None:
    """Wherever the selectors stand."""
    with pytest.raises(UnknownAddress) as refused:
        select(NET, ["conv2d", "zzz"], "/options/layers")
    assert refused.value.problems[0].pointer == "/options/layers/1"


def test_addresses_lists_what_can_be_asked_for() -> None:
    """Each of them selects itself."""
    for address in addresses(NET):
        assert select(NET, [address]) == (address,)
    assert len(addresses(NET)) == len(set(addresses(NET))) == 1 + len(LAYERS) + 3 + 5


def test_pre_addresses_lead_to_the_call_they_lie_inside() -> None:
    """A call each, where an activation is fused."""
    assert NET.pre_addresses == {
        f"{address}:pre": address
        for address in ("conv2d", "block1/conv2d", "block2/inner/conv2d", "shared@0", "shared@1")
    }


def test_selectors_that_search_are_few() -> None:
    """64 different ones; the same one again, and addresses, do not count."""
    globs = ["**" + "*" * number for number in range(63)]
    assert select(NET, [*globs, "type:Conv2D", *["conv2d", "**"] * 400]) == select(NET, ["**"])
    with pytest.raises(InvalidOption) as caught:
        select(NET, [*globs, "type:Conv2D", "*"])
    (found,) = caught.value.problems
    assert (found.pointer, found.expected, found.received) == ("/layers", "at most 64, and addresses", "65")


def test_a_selector_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is written; what is wrong with it is said of the first place."""
    looked_up: list[tuple[str, str]] = []

    def counted(network: Network, selector: str, pointer: str) -> tuple[str, ...]:
        looked_up.append((selector, pointer))
        return matches_of(network, selector, pointer)

    monkeypatch.setattr("models.networks.selectors.matches", counted)
    assert select(NET, ["shared@1", "**", "shared@1", "**"])[0] == "shared@1"
    assert looked_up == [("shared@1", "/layers/0"), ("**", "/layers/1")]


def test_no_selector_keeps_the_service_busy() -> None:
    """Stars do not multiply: a pattern that would take a naive matcher years is refused at once."""
    long = network({"type": "ReLU", "name": "a" * 128})
    assert refusal("*a" * 60 + "*b", of=long)
    assert refusal("**a" * 60 + "**b", of=long)
    assert refusal("**/" * 60 + "b", of=long)
    assert select(long, ["*a" * 60 + "*"]) == ("a" * 128,)


def matches(pattern: str, text: str, fresh: bool = True) -> bool:
    """What the documentation says, tried out letter by letter; `fresh` at the beginning of a segment."""
    if fresh and pattern.startswith("**/"):
        starts = [0, *(position + 1 for position, sign in enumerate(text) if sign == "/")]
        return any(matches(pattern[3:], text[start:]) for start in starts)
    if pattern.startswith("**"):
        return any(matches(pattern[2:], text[end:], False) for end in range(len(text) + 1))
    if pattern.startswith("*"):
        segment = text.partition("/")[0]
        return any(matches(pattern[1:], text[end:], False) for end in range(len(segment) + 1))
    if not pattern or not text:
        return pattern == text
    same = text[0] != "/" if pattern[0] == "?" else text[0] == pattern[0]
    return same and matches(pattern[1:], text[1:], pattern[0] == "/")


def blocks_of(paths: list[list[str]]) -> list[Any]:
    """Layers at these paths."""
    groups: dict[str, list[list[str]]] = {}
    for first, *rest in paths:
        groups.setdefault(first, []).append(rest)
    return [
        {"type": "Block", "name": name, "layers": blocks_of([rest for rest in inner if rest])}
        if any(inner)
        else {"type": "ReLU", "name": name}
        for name, inner in groups.items()
    ]


WORD = st.text("ab", min_size=1, max_size=4)
PATTERN = st.lists(st.sampled_from(["a", "b", "/", "?", "*", "**", "**/", "/**/", "ab"]), min_size=1, max_size=8)


@settings(max_examples=300)
@given(st.lists(st.lists(WORD, min_size=1, max_size=4), min_size=1, max_size=6), PATTERN)
def test_globs_match_as_a_simple_matcher_does(paths: list[list[str]], parts: list[str]) -> None:
    """Against a matcher that tries everything."""
    net = network(*blocks_of(paths))
    pattern = "".join(parts)
    if not {"*", "?"} & set(pattern):
        return
    outputs = [output for node in net.nodes for output in node.outputs]
    expected = tuple(address for address in outputs if matches(pattern, address))
    try:
        assert select(net, [pattern]) == expected
    except UnknownAddress:
        assert expected == ()

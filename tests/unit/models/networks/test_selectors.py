"""Selectors: addresses, globs and types, their matches, and errors for those that match nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import InvalidOption, Problem, UnknownAddress
from models.networks.expansion import expand
from models.networks.network import Network
from models.networks.selector_problems import MAX_CANDIDATES
from models.networks.selectors import addresses, select
from models.networks.selectors import matches as matches_of
from models.reading.parse import parse_document

CONV: dict[str, Any] = {"type": "Conv2D", "filters": 2, "kernel_size": 1}
RELU_CONV: dict[str, Any] = {**CONV, "activation": "relu"}


def network(*layers: Any, **fields: Any) -> Network:
    """Build the expanded network of some layers."""
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
    """Return the only problem of rejected selectors."""
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
def test_selectors_match_addresses_globs_and_types(selector: str, found: list[str]) -> None:
    """`*` and `?` stay within a segment, `**` spans segments; `type:` matches every call."""
    assert select(NET, [selector]) == tuple(found)


def test_the_default_selection_is_every_layer() -> None:
    """In order of computation and without blocks, whose results are those of their last layers."""
    assert select(NET, None) == NET.layer_outputs == LAYERS


def test_double_star_matches_everything() -> None:
    """`**` is all layers and blocks."""
    assert set(select(NET, ["**"])) == {*LAYERS, "block1", "block2", "block2/inner"}


def test_selected_tensors_are_ordered_and_unique() -> None:
    """In the order of the selectors; a repeated tensor keeps its first position."""
    assert select(NET, ["lstm#2", "conv2d", "conv*", "type:Conv2D", "lstm#2", "conv2d#0"]) == (
        "lstm#2", "conv2d", "block1/conv2d", "block2/conv2d", "block2/inner/conv2d",
    )  # fmt: skip


def test_an_empty_selection_selects_nothing() -> None:
    """An empty list differs from None."""
    assert select(NET, []) == ()


def test_inputs_are_selected_by_name() -> None:
    """`input` is only the default name of an input."""
    two = network({"type": "Add"}, input={"left": [2], "right": [2]})
    assert select(two, ["right", "left"]) == ("right", "left")
    assert refusal("input", of=two).expected == "one of left, right, add, a glob, or type:Name"


def test_regex_characters_in_names_are_literal() -> None:
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
def test_ambiguous_addresses_are_rejected_with_candidates(selector: str, candidates: tuple[str, ...]) -> None:
    """A layer called twice, or with several outputs, needs its full address."""
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
def test_all_candidates_of_an_ambiguous_address_are_listed(selector: str, candidates: str) -> None:
    """As full addresses, wherever in the path the number of a call or an output is missing."""
    found = refusal(selector, of=CALLS)
    assert (found.message, found.expected) == (f'"{selector}" names several tensors', f"one of {candidates}")
    assert found.suggestion == f'write "{candidates.partition(",")[0]}"'


@pytest.mark.parametrize(
    "address", ["outer@1/inner@0/conv2d:pre", "outer@0/inner@1/conv2d", "outer@1", "outer@1/add", "lstm@1#2"]
)
def test_call_output_and_pre_can_be_combined(address: str) -> None:
    """At any nesting depth."""
    assert select(CALLS, [address]) == (address,)


def test_output_number_of_a_single_output_allows_pre() -> None:
    """`conv2d#0` is `conv2d`, so `conv2d#0:pre` is `conv2d:pre`."""
    assert select(NET, ["conv2d#0:pre", "shared@1#0:pre"]) == ("conv2d:pre", "shared@1:pre")


@pytest.mark.parametrize(
    ("selector", "suggestion"),
    [("max_pooling2d", "block1/max_pooling2d"), ("max*", "**/max*"), ("inner/conv*", "**/inner/conv*")],
)
def test_layers_inside_blocks_are_suggested(selector: str, suggestion: str) -> None:
    """An address without its block does not match, but the suggestion does."""
    assert refusal(selector).suggestion == f'write "{suggestion}"'


def test_the_nearest_candidates_are_listed_first() -> None:
    """The list of candidates is ordered by similarity."""
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
def test_unknown_addresses_get_the_nearest_suggestion(selector: str, suggestion: str) -> None:
    """They are not clamped or guessed."""
    found = refusal(selector)
    assert (found.message, found.suggestion) == ("no layer matches this selector", f'write "{suggestion}"')


def test_unknown_addresses_list_every_address() -> None:
    """Inputs, layers, blocks and values before activations."""
    small = network(RELU_CONV, {"type": "Block", "layers": [{"type": "Flatten"}]})
    assert refusal("zzz", of=small) == Problem(
        "/layers/0",
        "no layer matches this selector",
        "one of input, conv2d, block/flatten, block, conv2d:pre, a glob, or type:Name",
        '"zzz"',
        None,
    )


def test_the_list_of_candidates_is_bounded() -> None:
    """For a network of a thousand layers."""
    listed = str(refusal("zzz", of=network(*[{"type": "ReLU"}] * 1000)).expected).split(", ")
    assert len(listed) == MAX_CANDIDATES + len(["…", "a glob", "or type:Name"])
    assert listed[MAX_CANDIDATES] == "…"


@pytest.mark.parametrize("selector", ["zz*", "block3/*", "conv2d?", "**/zz", "*:", "max_pooling2d*", "input*", ""])
def test_globs_without_matches_are_rejected(selector: str) -> None:
    """An empty result is more likely a mistake. Globs do not match inputs."""
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
def test_pre_requires_a_fused_activation(address: str, suggestion: str) -> None:
    """`linear` does not count; the suggestion names the tensor with the requested value."""
    found = refusal(f"{address}:pre")
    assert (found.message, found.suggestion) == (f'"{address}" has no fused activation to look before', suggestion)


def test_pre_of_an_activation_layer_suggests_its_input() -> None:
    """`re_lu` is a separate layer: its input has the value."""
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
def test_unknown_types_are_rejected(selector: str, message: str, suggestion: str | None) -> None:
    """The error lists the types of the network; known but absent types have a different message."""
    found = refusal(selector)
    assert (found.message, found.suggestion) == (message, suggestion)
    assert found.expected == "one of type:Conv2D, type:MaxPooling2D, type:Block, type:Dense, type:Reshape, type:LSTM"


def test_the_pointer_is_that_of_the_selector() -> None:
    """Below the given base pointer."""
    with pytest.raises(UnknownAddress) as refused:
        select(NET, ["conv2d", "zzz"], "/options/layers")
    assert refused.value.problems[0].pointer == "/options/layers/1"


def test_every_listed_address_selects_itself() -> None:
    """The list has no duplicates."""
    for address in addresses(NET):
        assert select(NET, [address]) == (address,)
    assert len(addresses(NET)) == len(set(addresses(NET))) == 1 + len(LAYERS) + 3 + 5


def test_pre_addresses_map_to_their_call() -> None:
    """One per call with a fused activation."""
    assert NET.pre_addresses == {
        f"{address}:pre": address
        for address in ("conv2d", "block1/conv2d", "block2/inner/conv2d", "shared@0", "shared@1")
    }


def test_the_number_of_searching_selectors_is_limited() -> None:
    """To 64 different ones; repetitions and plain addresses do not count."""
    globs = ["**" + "*" * number for number in range(63)]
    assert select(NET, [*globs, "type:Conv2D", *["conv2d", "**"] * 400]) == select(NET, ["**"])
    with pytest.raises(InvalidOption) as caught:
        select(NET, [*globs, "type:Conv2D", "*"])
    (found,) = caught.value.problems
    assert (found.pointer, found.expected, found.received) == ("/layers", "at most 64, and addresses", "65")


def test_a_repeated_selector_is_matched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors point at its first occurrence."""
    looked_up: list[tuple[str, str]] = []

    def counted(network: Network, selector: str, pointer: str) -> tuple[str, ...]:
        looked_up.append((selector, pointer))
        return matches_of(network, selector, pointer)

    monkeypatch.setattr("models.networks.selectors.matches", counted)
    assert select(NET, ["shared@1", "**", "shared@1", "**"])[0] == "shared@1"
    assert looked_up == [("shared@1", "/layers/0"), ("**", "/layers/1")]


def test_matching_is_not_exponential() -> None:
    """Patterns on which backtracking would take years fail at once."""
    long = network({"type": "ReLU", "name": "a" * 128})
    assert refusal("*a" * 60 + "*b", of=long)
    assert refusal("**a" * 60 + "**b", of=long)
    assert refusal("**/" * 60 + "b", of=long)
    assert select(long, ["*a" * 60 + "*"]) == ("a" * 128,)


def matches(pattern: str, text: str, fresh: bool = True) -> bool:
    """Match naively, as documented, by backtracking; `fresh` at the beginning of a segment."""
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
    """Build layers at these paths."""
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
def test_globs_match_like_a_backtracking_matcher(paths: list[list[str]], parts: list[str]) -> None:
    """For random networks and patterns."""
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

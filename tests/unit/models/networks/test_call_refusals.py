"""Calls of layers that do not go together as they are written: each is refused with a pointer to what was written."""

from __future__ import annotations

from typing import Any

import pytest

from models.errors import InvalidDocument
from models.networks.expansion import expand
from models.reading.parse import parse_document

TWICE = [["input"], ["input"]]
LSTM: dict[str, Any] = {"type": "LSTM", "units": 2}
EMBEDDING: dict[str, Any] = {"type": "ReversibleEmbedding", "input_dim": 5, "output_dim": 3}
TWO_MASKS: dict[str, Any] = {"type": "Block", "layers": [LSTM], "keywords": {"mask": ["input", "input"]}}
REFUSED: dict[str, tuple[dict[str, Any], str, str, str, str]] = {
    "fewer keywords than calls": (
        LSTM | {"calls": TWICE, "keywords": [{}]},
        "/keywords", "keywords does not go with the calls", "2 objects, one a call", "1",
    ),
    "more flags than calls": (
        EMBEDDING | {"calls": TWICE, "reverse": [False, True, False]},
        "/reverse", "reverse does not go with the calls", "one flag, or 2, one a call", "3",
    ),
    "fewer counts than calls": (
        LSTM | {"calls": TWICE, "positional": [1]},
        "/positional", "positional does not go with the calls", "2 numbers, one a call", "1",
    ),
    "more arguments by position than there are": (
        {"type": "Dense", "units": 2, "positional": 9},
        "/positional", "Dense reads fewer arguments by position", "at most 1", "9",
    ),
    "more arguments of a block": (
        {"type": "Block", "layers": [LSTM], "calls": TWICE, "positional": [1, 2]},
        "/positional", "Block reads fewer arguments by position", "at most 1", "[1, 2]",
    ),
    "more masks than inputs": (
        TWO_MASKS, "/keywords/mask", "there are more masks than inputs", "at most 1, one an input", "2",
    ),
    "more masks in the second call": (
        TWO_MASKS | {"calls": TWICE, "keywords": [{}, TWO_MASKS["keywords"]]},
        "/keywords/1/mask", "there are more masks than inputs", "at most 1, one an input", "2",
    ),
    "a keyword of a layer that reads none": (
        {"type": "Dense", "units": 2, "keywords": {"mask": "input"}},
        "/keywords/mask", 'Dense reads no tensor called "mask"', "no keywords", '"mask"',
    ),
    "another keyword": (
        LSTM | {"keywords": {"msk": "input"}},
        "/keywords/msk", 'LSTM reads no tensor called "msk"', "one of initial_state, mask", '"msk"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_calls_that_do_not_go_together_are_refused(name: str) -> None:
    """With what would fit, in numbers."""
    layer, pointer, message, expected, received = REFUSED[name]
    with pytest.raises(InvalidDocument) as refused:
        expand(parse_document({"input": [4, 3], "layers": [layer]}))
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.message) == (f"/layers/0{pointer}", message)
    assert (problem.expected, problem.received) == (expected, received)


def test_a_misspelt_keyword_is_corrected() -> None:
    """By the name of a tensor that the layer does read."""
    with pytest.raises(InvalidDocument) as refused:
        expand(parse_document({"input": [4, 3], "layers": [LSTM | {"keywords": {"msk": "input"}}]}))
    assert refused.value.problems[0].suggestion == 'write "mask"'

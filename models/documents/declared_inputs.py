"""Inputs declared as Keras declares them: by InputLayers at the head of the layers, or by `input_shape` on the first.

Either becomes the document's own `input`, where the document has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from models.documents.source_map import SourceMap
from models.documents.validation import unknown_name
from models.errors import InvalidDocument, Problem, shown
from models.layers import ALIASES, CATALOGUE
from models.layers.excluded import INPUT_LAYERS
from models.limits import MAX_INPUTS
from models.problems import MAX_PROBLEMS, pointer_to

SHAPES = ("shape", "batch_shape", "input_shape", "batch_input_shape", "input_dim")
"""Arguments that give the shape, some with the batch in front, the last as its one length."""
OF_LAYERS = ("input_shape", "batch_input_shape", "batch_shape", "input_dim")
FLAGS = ("sparse", "ragged", "optional")
"""Arguments that say nothing as long as they are false."""
KNOWN = ("type", "name", "dtype", *SHAPES)
UNNAMED = "input"
"""What an input is called that has no name."""


@dataclass(frozen=True)
class Declared:
    """A document with its own `input`, and where each of its parts stands in what was sent."""

    data: dict[str, Any]
    source_map: SourceMap


def declared(data: Any, layers: str = "/layers") -> Declared | None:
    """The document whose layers declare its inputs, with shapes; None for any other. `layers` is where these stand.

    Raises:
        InvalidDocument: InputLayers beside an `input`, with other arguments, without one shape or, where there are
            several, without names.
    """
    listed = data.get("layers") if isinstance(data, dict) else None
    if not (isinstance(listed, list) and listed and isinstance(listed[0], dict)):
        return None
    inputs = list(takewhile(_is_input, listed))
    if inputs:
        return _from_input_layers(data, listed, inputs, layers)
    word = next((name for name in OF_LAYERS if name in listed[0] and not _is_own(name, listed[0])), None)
    if word is None or data.get("input") is not None:
        return None
    problems = [found.under(f"{layers}/0") for found in _of_shape(word, listed[0][word])]
    if problems:
        raise InvalidDocument("", problems)
    first = {name: value for name, value in listed[0].items() if name != word}
    source_map = SourceMap({"/layers": layers, "/input": f"{layers}/0/{word}"})
    return Declared({**data, "input": _shape(word, listed[0][word]), "layers": [first, *listed[1:]]}, source_map)


def _is_own(name: str, layer: dict[str, Any]) -> bool:
    """Whether a layer's type has an argument of this name, as Embedding has `input_dim`."""
    word = layer.get("type")
    cls = CATALOGUE.get(ALIASES.get(word, word)) if isinstance(word, str) else None
    return cls is not None and name in cls.model_fields


def _is_input(layer: Any) -> bool:
    word = layer.get("type") if isinstance(layer, dict) else None
    return isinstance(word, str) and word.rpartition(".")[2] in INPUT_LAYERS


def _from_input_layers(data: dict[str, Any], listed: list[Any], inputs: list[Any], layers: str) -> Declared:
    if data.get("input") is not None:
        message, received = "the document has an input of its own", "an InputLayer beside it"
        problem = Problem(f"{layers}/0", message, 'one of "input" and an InputLayer', received, "leave it out")
        raise InvalidDocument("", [problem])
    if len(inputs) > MAX_INPUTS:
        problem = Problem(layers, "there are too many inputs", f"at most {MAX_INPUTS}", f"{len(inputs)} InputLayers")
        raise InvalidDocument("", [problem])
    names = [one.get("name") for one in inputs]
    problems = [found.under(f"{layers}/{n}") for n, one in enumerate(inputs) for found in _problems(one, names)]
    if problems:
        raise InvalidDocument("", problems[:MAX_PROBLEMS])
    source_map = SourceMap({"/layers": layers})
    for position in range(len(inputs), len(listed)):
        source_map.own[f"/layers/{position - len(inputs)}"] = f"{layers}/{position}"
    declared = {one.get("name") or UNNAMED: _spec(one) for one in inputs}
    for number, (name, one) in enumerate(zip(declared, inputs, strict=True)):
        here = pointer_to(["input", name])
        source_map.own[here] = f"{layers}/{number}"
        source_map.own[f"{here}/shape"] = f"{layers}/{number}/{_words(one)[0]}"
    return Declared({**data, "input": declared, "layers": listed[len(inputs) :]}, source_map)


def _problems(layer: dict[str, Any], names: list[Any]) -> Iterator[Problem]:
    """What is wrong with one of the inputs that are called so."""
    name = layer.get("name")
    if name is not None and not isinstance(name, str):
        yield Problem("/name", "name should be a string", "a string", shown(name))
    elif len(names) > 1 and (not name or names.count(name) > 1):
        message, received = "several inputs are told apart by name", shown(name) if name else "nothing"
        yield Problem("/name", message, "a name of its own", received)
    for unknown in layer.keys() - set(KNOWN) - {flag for flag in FLAGS if layer.get(flag) is False}:
        yield unknown_name(pointer_to([unknown]), unknown, KNOWN, "InputLayer")
    yield from _of_shapes(layer)


def _of_shapes(layer: dict[str, Any]) -> Iterator[Problem]:
    """What is wrong with the one shape that an InputLayer has to have."""
    words = _words(layer)
    if not words:
        yield Problem(
            "/shape", "an InputLayer needs a shape", "a shape without the batch such as [28, 28, 1]", "nothing"
        )
    for word in words[1:]:
        message, received = "the shape is given twice", f"{words[0]} and {word}"
        yield Problem(f"/{word}", message, "one of the arguments that give it", received, f"leave {word} out")
    for word in words:
        yield from _of_shape(word, layer[word])


def _of_shape(word: str, value: Any) -> Iterator[Problem]:
    if word.startswith("batch") and value == []:
        message, expected = "a shape needs an axis for the batch", "an array that begins with the batch"
        yield Problem(f"/{word}", message, expected, "[]", "write [null] for a number an example")


def _words(layer: dict[str, Any]) -> list[str]:
    """The arguments that give the shape."""
    return [name for name in SHAPES if layer.get(name) is not None]


def _spec(layer: dict[str, Any]) -> dict[str, Any]:
    (word,) = _words(layer)
    dtype = {"dtype": layer["dtype"]} if layer.get("dtype") is not None else {}
    return {"shape": _shape(word, layer[word]), **dtype}


def _shape(word: str, value: Any) -> Any:
    """The shape without the batch; what is no shape stays as it is, and is refused."""
    if word == "input_dim":
        return [value]
    return value[1:] if word.startswith("batch") and isinstance(value, list) else value

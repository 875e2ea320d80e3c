"""Input declarations in Keras' style: InputLayers at the head of the layers, or `input_shape` on the first layer.

Either becomes the document's own `input`, if the document has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from models.documents.source_map import SourceMap
from models.documents.validation import unknown_name
from models.errors import InvalidDocument, Problem, shown
from models.errors.problem import MAX_PROBLEMS, pointer_to
from models.layers import ALIASES, CATALOGUE
from models.layers.excluded import INPUT_LAYERS
from models.limits import MAX_INPUTS

SHAPE_ARGUMENTS = ("shape", "batch_shape", "input_shape", "batch_input_shape", "input_dim")
"""Arguments that specify the shape, some including the batch, the last as a single length."""
LAYER_SHAPE_ARGUMENTS = ("input_shape", "batch_input_shape", "batch_shape", "input_dim")
"""Those of a first layer, in the order in which they are looked for."""
NEUTRAL_FLAGS = ("sparse", "ragged", "optional")
"""Arguments that have no effect if they are false."""
KNOWN_ARGUMENTS = ("type", "name", "dtype", *SHAPE_ARGUMENTS)
"""The arguments of an InputLayer."""
DEFAULT_NAME = "input"
"""Name of an input without one."""


@dataclass(frozen=True)
class DocumentWithInput:
    """A document with an explicit `input`, and the source map of its parts."""

    data: dict[str, Any]
    source_map: SourceMap


def with_explicit_input(data: Any, layers: str = "/layers") -> DocumentWithInput | None:
    """Convert a document whose layers declare its inputs; None for any other. `layers` is the pointer to its layers.

    Raises:
        InvalidDocument: for InputLayers together with an `input`, with unknown arguments, without exactly one shape or,
            if there are several, without unique names.
    """
    listed = data.get("layers") if isinstance(data, dict) else None
    if not (isinstance(listed, list) and listed and isinstance(listed[0], dict)):
        return None
    inputs = list(takewhile(_is_input_layer, listed))
    if inputs:
        return _from_input_layers(data, listed, inputs, layers)
    argument = next(
        (name for name in LAYER_SHAPE_ARGUMENTS if name in listed[0] and not _has_argument(name, listed[0])), None
    )
    if argument is None or data.get("input") is not None:
        return None
    problems = [problem.under(f"{layers}/0") for problem in _batch_problems(argument, listed[0][argument])]
    if problems:
        raise InvalidDocument("", problems)
    first = {name: value for name, value in listed[0].items() if name != argument}
    source_map = SourceMap({"/layers": layers, "/input": f"{layers}/0/{argument}"})
    shape = _shape_without_batch(argument, listed[0][argument])
    return DocumentWithInput({**data, "input": shape, "layers": [first, *listed[1:]]}, source_map)


def _has_argument(name: str, layer: dict[str, Any]) -> bool:
    """Whether the type of a layer has an argument of this name, as Embedding has `input_dim`."""
    word = layer.get("type")
    cls = CATALOGUE.get(ALIASES.get(word, word)) if isinstance(word, str) else None
    return cls is not None and name in cls.model_fields


def _is_input_layer(layer: Any) -> bool:
    word = layer.get("type") if isinstance(layer, dict) else None
    return isinstance(word, str) and word.rpartition(".")[2] in INPUT_LAYERS


def _from_input_layers(data: dict[str, Any], listed: list[Any], inputs: list[Any], layers: str) -> DocumentWithInput:
    _check_input_layers(data, inputs, layers)
    source_map = SourceMap({"/layers": layers})
    for position in range(len(inputs), len(listed)):
        source_map.own[f"/layers/{position - len(inputs)}"] = f"{layers}/{position}"
    specs = {layer.get("name") or DEFAULT_NAME: _input_spec(layer) for layer in inputs}
    for number, (name, layer) in enumerate(zip(specs, inputs, strict=True)):
        pointer = pointer_to(["input", name])
        source_map.own[pointer] = f"{layers}/{number}"
        source_map.own[f"{pointer}/shape"] = f"{layers}/{number}/{_shape_arguments(layer)[0]}"
    return DocumentWithInput({**data, "input": specs, "layers": listed[len(inputs) :]}, source_map)


def _check_input_layers(data: dict[str, Any], inputs: list[Any], layers: str) -> None:
    """Refuse InputLayers together with an `input`, too many of them, and invalid ones.

    Raises:
        InvalidDocument: listing every problem.
    """
    if data.get("input") is not None:
        message, received = "the document has an input of its own", "an InputLayer beside it"
        expected, suggestion = 'one of "input" and an InputLayer', "leave it out"
        raise InvalidDocument.at(f"{layers}/0", message, expected=expected, received=received, suggestion=suggestion)
    if len(inputs) > MAX_INPUTS:
        expected, received = f"at most {MAX_INPUTS}", f"{len(inputs)} InputLayers"
        raise InvalidDocument.at(layers, "there are too many inputs", expected=expected, received=received)
    names = [layer.get("name") for layer in inputs]
    problems = [
        problem.under(f"{layers}/{number}")
        for number, layer in enumerate(inputs)
        for problem in _input_problems(layer, names)
    ]
    if problems:
        raise InvalidDocument("", problems[:MAX_PROBLEMS])


def _input_problems(layer: dict[str, Any], names: list[Any]) -> Iterator[Problem]:
    """Yield the problems of one InputLayer. `names` are those of all inputs."""
    name = layer.get("name")
    if name is not None and not isinstance(name, str):
        yield Problem("/name", "name should be a string", "a string", shown(name))
    elif len(names) > 1 and (not name or names.count(name) > 1):
        message, received = "several inputs are told apart by name", shown(name) if name else "nothing"
        yield Problem("/name", message, "a name of its own", received)
    for unknown in layer.keys() - set(KNOWN_ARGUMENTS) - {flag for flag in NEUTRAL_FLAGS if layer.get(flag) is False}:
        yield unknown_name(pointer_to([unknown]), unknown, KNOWN_ARGUMENTS, "InputLayer")
    yield from _shape_problems(layer)


def _shape_problems(layer: dict[str, Any]) -> Iterator[Problem]:
    """Yield the problems of the shape: an InputLayer needs exactly one."""
    arguments = _shape_arguments(layer)
    if not arguments:
        yield Problem(
            "/shape", "an InputLayer needs a shape", "a shape without the batch such as [28, 28, 1]", "nothing"
        )
    for argument in arguments[1:]:
        message, received = "the shape is given twice", f"{arguments[0]} and {argument}"
        yield Problem(f"/{argument}", message, "one of the arguments that give it", received, f"leave {argument} out")
    for argument in arguments:
        yield from _batch_problems(argument, layer[argument])


def _batch_problems(argument: str, value: Any) -> Iterator[Problem]:
    if argument.startswith("batch") and value == []:
        message, expected = "a shape needs an axis for the batch", "an array that begins with the batch"
        yield Problem(f"/{argument}", message, expected, "[]", "write [null] for a number an example")


def _shape_arguments(layer: dict[str, Any]) -> list[str]:
    """Return the arguments that specify the shape."""
    return [name for name in SHAPE_ARGUMENTS if layer.get(name) is not None]


def _input_spec(layer: dict[str, Any]) -> dict[str, Any]:
    (argument,) = _shape_arguments(layer)
    dtype = {"dtype": layer["dtype"]} if layer.get("dtype") is not None else {}
    return {"shape": _shape_without_batch(argument, layer[argument]), **dtype}


def _shape_without_batch(argument: str, value: Any) -> Any:
    """Return the shape without the batch; an invalid shape is returned unchanged, and refused later."""
    if argument == "input_dim":
        return [value]
    return value[1:] if argument.startswith("batch") and isinstance(value, list) else value

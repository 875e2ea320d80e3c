"""Parsing of JSON payloads to documents: detects the format, validates, and points at every problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from pydantic import ValidationError

from models.documents.declared_inputs import with_explicit_input
from models.documents.document import DOCUMENT_FIELDS, Document
from models.documents.inputs import InputSpec
from models.documents.notes import Note, stateful_notes
from models.documents.pruning import prune_unknown_arguments
from models.documents.raw_json import is_large, load_document
from models.documents.source_map import IDENTITY, LIST_ALONE, SourceMap
from models.documents.synonyms import ARGUMENTS, DOCUMENT, INPUT
from models.documents.text import check_not_wrapped
from models.documents.validation import field_names, problems_of
from models.errors import InvalidDocument
from models.errors.problem import MAX_PROBLEMS
from models.errors.suggestions import Words
from models.layers import ALIASES, CATALOGUE
from models.layers.block import Block
from models.layers.constraints import CONSTRAINTS
from models.layers.initializers import INITIALIZERS
from models.layers.layer import Layer
from models.layers.named import snake_case
from models.layers.regularizers import REGULARIZERS
from models.layers.wrapping import TimeDistributed
from models.limits import MAX_LAYERS
from models.reading.keras_json import is_keras_json
from models.reading.keras_versions import read_keras
from models.reading.tensorflow_js import is_tensorflow_js, keras_json_in
from models.reading.unknown_types import type_problems

NAMED = (*INITIALIZERS, *REGULARIZERS, *CONSTRAINTS)
FIELDS: Mapping[str, list[str]] = {
    "": DOCUMENT_FIELDS,
    "input": field_names(InputSpec),
    **{spelling: field_names(cls) for cls in NAMED for spelling in (cls.__name__, snake_case(cls.__name__))},
    "Block": field_names(Block),
    **{name: field_names(cls) for name, cls in CATALOGUE.items()},
    **{alias: field_names(CATALOGUE[name]) for alias, name in ALIASES.items()},
}
WORDS = Words(FIELDS, {"": DOCUMENT, "input": INPUT, **dict.fromkeys(("Block", *CATALOGUE, *ALIASES), ARGUMENTS)})


def parse_document(raw: Any) -> Document:
    """Parse `raw`, parsed JSON, to a document: our own form or Keras' `model.to_json()`, as a value or as text.

    A bare list is short for `{"layers": [...]}`, a model.json of TensorFlow.js for the Keras JSON inside, and layers
    that declare the inputs, as in Keras, for `input`.

    Raises:
        InvalidDocument: listing every problem with its pointer into `raw`.
    """
    return parse_value(load_document(raw))


def parse_value(value: Any) -> Document:
    """Parse a JSON value whose nesting is checked, as `parse_document` does."""
    if is_tensorflow_js(value) or is_keras_json(value):
        data, source_map = _keras_form(value)
    else:
        data, source_map = _own_form(value)
    try:
        document = _validate(data)
    except InvalidDocument as error:
        raise source_map.remap(error) from None
    read = [Note(source_map.of(note.pointer), note.message) for note in stateful_notes(data["layers"])]
    return document.with_source_map(replace(source_map, notes=[*source_map.notes, *read]))


def _keras_form(value: dict[str, Any]) -> tuple[dict[str, Any], SourceMap]:
    """Return the document of Keras' JSON, with the labels that stand beside it."""
    data, source_map = read_keras(*(keras_json_in(value) if is_tensorflow_js(value) else (value,)))
    source_map.keep("/labels")
    labels = value.get("labels")
    return data if labels is None else data | {"labels": labels}, source_map


def _own_form(value: Any) -> tuple[Any, SourceMap]:
    """Return a document of our own with its declarations moved to their fields, and their sources in `value`."""
    is_list = isinstance(value, list)
    if isinstance(value, dict):
        check_not_wrapped(value)
    data, source_map = ({"layers": value}, LIST_ALONE) if is_list else (value, IDENTITY)
    explicit = with_explicit_input(data, "" if is_list else "/layers")
    return (data, source_map) if explicit is None else (explicit.data, explicit.source_map)


def _validate(data: Any) -> Document:
    listed = data.get("layers") if isinstance(data, dict) else None
    problems = list(islice(type_problems(listed), MAX_PROBLEMS))
    if problems:
        raise InvalidDocument("", [problem.under("/layers") for problem in problems])
    if is_large(listed) and (pruned := prune_unknown_arguments(listed, FIELDS)) is not listed:
        parse_canonical({**data, "layers": pruned})
    document = parse_canonical(data)
    _check_layer_count(document)
    return document


def parse_canonical(data: Any) -> Document:
    """Parse a document that `canonical` wrote, or one that needs no reading: nothing is looked for that other forms
    have, and nothing is noted.

    Raises:
        InvalidDocument: listing every problem.
    """
    try:
        return Document.model_validate(data)
    except ValidationError as error:
        raise InvalidDocument("", problems_of(error, data, WORDS)) from None


def _check_layer_count(document: Document) -> None:
    count = _count(document.layers)
    if count > MAX_LAYERS:
        raise InvalidDocument.at(
            "/layers", "there are too many layers", expected=f"at most {MAX_LAYERS} layers", received=f"{count} layers"
        )


def _count(layers: list[Layer]) -> int:
    return sum(1 + _count(layer.layers if isinstance(layer, Block) else _inner_layers(layer)) for layer in layers)


def _inner_layers(layer: Layer) -> list[Layer]:
    """Return the layers inside a wrapper, if they may be more than one."""
    held = getattr(layer, "layer", None)
    return [held] if isinstance(held, Block | TimeDistributed) else []

"""Networks of keras.applications, built by Keras' own constructors without memory for their weights."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import orjson
from keras.src.backend.common import global_state  # private: pinned, and covered by a test
from keras.src.utils import file_utils  # private: what the constructors call; covered by a test

from models.documents.document import Document
from models.engine.layer_checks import KERAS_ERRORS, sentence_of
from models.engine.shaping import uninitialised
from models.errors import InvalidDocument, Problem, shown
from models.reading.application_arguments import Application
from models.reading.applications import OUTSIDE_GRAPH
from models.reading.parse import parse_document

NOT_FORWARDED = {"application", "input", "weights", *OUTSIDE_GRAPH}
"""Fields that are not passed to the constructor unchanged."""


def construct_document(application: Application) -> tuple[Document, str | None]:
    """Return the network that Keras' constructor builds, without weights, and the weights file that it would read.

    Raises:
        InvalidDocument: Keras refuses the arguments.
    """
    with uninitialised(), without_files() as requested:
        model = keras_model(application, application.weights)
    return document_of_model(model, application), requested[0] if requested else None


@contextmanager
def without_files() -> Iterator[list[str]]:
    """Let constructors check arguments and build their graph without files; yields the names of files requested."""
    requested: list[str] = []

    def get_file(name: str, *_: Any, **__: Any) -> str:
        requested.append(name)
        return name

    originals = file_utils.get_file, keras.Model.load_weights
    file_utils.get_file, keras.Model.load_weights = get_file, lambda *_: None
    try:
        yield requested
    finally:
        file_utils.get_file, keras.Model.load_weights = originals


def keras_model(application: Application, weights: str | None) -> keras.Model:
    """Call the constructor. The same arguments give the same names, whatever was built before.

    Raises:
        InvalidDocument: Keras refuses the arguments, pointing at the argument.
    """
    constructor = getattr(keras.applications, application.application)
    shape = tuple(application.input) if application.input is not None else None
    with fresh_names(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # unusual channels are the client's choice
        try:
            return constructor(weights=weights, input_shape=shape, **application.model_dump(exclude=NOT_FORWARDED))
        except KERAS_ERRORS as error:
            raise InvalidDocument("", [_refusal(application, error)]) from error


def document_of_model(model: keras.Model, application: Application) -> Document:
    """Return a constructed model as a document that scales images as its `preprocess_input` does."""
    document = parse_document(orjson.loads(model.to_json()))
    return document.model_copy(update={"scale": application.scale})


@contextmanager
def fresh_names() -> Iterator[None]:
    """Number the layers that a constructor does not name from the start, as in a new process."""
    before = global_state.get_global_attribute("object_name_uids")
    global_state.set_global_attribute("object_name_uids", None)
    try:
        yield
    finally:
        global_state.set_global_attribute("object_name_uids", before)


SMALLEST = re.compile(r"at least (\d+) ?x ?(\d+)")
"""Keras' words about the smallest size of an input."""
RIGHT_SHAPE = re.compile(r"`input_shape` should be (\([^)]*\))")
"""Keras' words about the only shape of an input."""
MENTIONS = {"input_shape": "input", "filters": "alpha", "depth multiplier": "depth_multiplier", "alpha": "alpha"}
"""Words in Keras' messages, and our field for each."""


def _refusal(application: Application, error: Exception) -> Problem:
    """Return Keras' refusal as a problem at the argument at fault. Only a ValueError has a sentence by Keras."""
    name, sentence = application.application, sentence_of(error) if isinstance(error, ValueError) else ""
    problem = _input_problem(application, sentence) or _argument_problem(application, sentence)
    if problem is not None:
        return problem
    if application.input is not None and application.input[:2].count(None) == 1:
        message = f"Keras cannot make a {name} with only one of height and width free"
        return Problem("/input", message, "both free or both fixed", shown(application.input))
    reason = sentence or "these arguments do not go together"
    return Problem("", f"Keras refuses this {name}: {reason}", "arguments that Keras' constructor takes")


def _input_problem(application: Application, sentence: str) -> Problem | None:
    name, received = application.application, shown(application.input)
    if match := SMALLEST.search(sentence):
        height, width = match.groups()
        expected = f"at least {height} pixels high and {width} wide"
        return Problem("/input", f"the picture is too small for {name}", expected, received)
    if match := RIGHT_SHAPE.search(sentence):
        shape = [int(number) for number in re.findall(r"\d+", match[1])]
        expected = f"{shape}, or another size without the top"
        return Problem("/input", f"{name} with its top and the weights of ImageNet has one size", expected, received)
    if "static `input_shape`" in sentence:
        expected = "a fixed height and width, or include_top false"
        return Problem("/input", f"{name} with its top has one size", expected, received)
    return None


def _argument_problem(application: Application, sentence: str) -> Problem | None:
    field = next((name for word, name in MENTIONS.items() if word in sentence and hasattr(application, name)), None)
    if field is None:
        return None
    message = f"Keras refuses this {application.application}: {sentence}"
    return Problem(f"/{field}", message, "arguments that Keras' constructor takes", shown(getattr(application, field)))

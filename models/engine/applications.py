"""Networks of keras.applications, made by Keras' own constructors without memory for their weights."""

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
from models.engine.refusals import REFUSALS, sentence_of
from models.engine.symbolic_network import uninitialised
from models.errors import InvalidDocument, Problem, shown
from models.reading.applications import Application
from models.reading.parse import parse_document

OURS = {"application", "name", "seed", "input", "weights"}
"""Fields that a constructor does not take as they are."""


def constructed(application: Application) -> tuple[Document, str | None]:
    """The network that Keras' constructor makes, weights left out, and the file that it would read them from.

    Raises:
        InvalidDocument: what Keras refuses.
    """
    with uninitialised(), without_files() as wanted:
        model = keras_model(application, application.weights)
    return document_of_model(model, application), wanted[0] if wanted else None


@contextmanager
def without_files() -> Iterator[list[str]]:
    """Constructors check their arguments and make their graph, and fetch and read nothing; the files they want."""
    wanted: list[str] = []

    def get_file(name: str, *_: Any, **__: Any) -> str:
        wanted.append(name)
        return name

    before = file_utils.get_file, keras.Model.load_weights
    file_utils.get_file, keras.Model.load_weights = get_file, lambda *_: None
    try:
        yield wanted
    finally:
        file_utils.get_file, keras.Model.load_weights = before


def keras_model(application: Application, weights: str | None) -> keras.Model:
    """Calls the constructor. The same arguments give the same names, whatever was made before.

    Raises:
        InvalidDocument: what Keras refuses, pointing at the argument.
    """
    constructor = getattr(keras.applications, application.application)
    shape = tuple(application.input) if application.input is not None else None
    with fresh_names(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # unusual channels are the client's choice
        try:
            return constructor(weights=weights, input_shape=shape, **application.model_dump(exclude=OURS))
        except REFUSALS as error:
            raise InvalidDocument("", [_refusal(application, error)]) from error


def document_of_model(model: keras.Model, application: Application) -> Document:
    """A constructed model as a document that images reach scaled as its `preprocess_input` does."""
    document = parse_document(orjson.loads(model.to_json()))
    return document.model_copy(update={"scale": application.scale})


@contextmanager
def fresh_names() -> Iterator[None]:
    """Layers that a constructor does not name are numbered from the start, as in a new process."""
    before = global_state.get_global_attribute("object_name_uids")
    global_state.set_global_attribute("object_name_uids", None)
    try:
        yield
    finally:
        global_state.set_global_attribute("object_name_uids", before)


SMALLEST = re.compile(r"at least (\d+) ?x ?(\d+)")
RIGHT_SHAPE = re.compile(r"`input_shape` should be (\([^)]*\))")
MENTIONS = {"input_shape": "input", "filters": "alpha", "depth multiplier": "depth_multiplier", "alpha": "alpha"}
"""What Keras' sentences speak of, and our field that it follows from."""


def _refusal(application: Application, error: Exception) -> Problem:
    """Keras' refusal, at the argument that it is about. Only a ValueError is a sentence of Keras."""
    name, sentence = application.application, sentence_of(error) if isinstance(error, ValueError) else ""
    found = _input_problem(application, sentence) or _argument_problem(application, sentence)
    if found is not None:
        return found
    if application.input is not None and application.input[:2].count(None) == 1:
        message = f"Keras cannot make a {name} with only one of height and width free"
        return Problem("/input", message, "both free or both fixed", shown(application.input))
    reason = sentence or "these arguments do not go together"
    return Problem("", f"Keras refuses this {name}: {reason}", "arguments that Keras' constructor takes")


def _input_problem(application: Application, sentence: str) -> Problem | None:
    name, received = application.application, shown(application.input)
    if found := SMALLEST.search(sentence):
        height, width = found.groups()
        expected = f"at least {height} pixels high and {width} wide"
        return Problem("/input", f"the picture is too small for {name}", expected, received)
    if found := RIGHT_SHAPE.search(sentence):
        shape = [int(number) for number in re.findall(r"\d+", found[1])]
        expected = f"{shape}, or another size without the top"
        return Problem("/input", f"{name} with its top and the weights of ImageNet has one size", expected, received)
    if "static `input_shape`" in sentence:
        expected = "a fixed height and width, or include_top false"
        return Problem("/input", f"{name} with its top has one size", expected, received)
    return None


def _argument_problem(application: Application, sentence: str) -> Problem | None:
    field = next((ours for word, ours in MENTIONS.items() if word in sentence and hasattr(application, ours)), None)
    if field is None:
        return None
    message = f"Keras refuses this {application.application}: {sentence}"
    return Problem(f"/{field}", message, "arguments that Keras' constructor takes", shown(getattr(application, field)))

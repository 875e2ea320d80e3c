"""Parsing of networks of keras.applications by name. An engine calls the constructor; this checks its arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from pydantic import ValidationError

from models.documents.document import Document
from models.documents.raw_json import load_document
from models.documents.synonyms import APPLICATION
from models.documents.validation import field_names, problems_of
from models.errors import InvalidDocument, Problem, shown, suggest
from models.errors.suggestions import Words
from models.reading.application_arguments import APPLICATIONS, Application
from models.reading.parse import parse_value


def parse_model(raw: Any) -> Document | Application:
    """Parse a client's description of a network: a document of any form, or the name of one of keras.applications.

    Raises:
        InvalidDocument: listing every problem with its pointer into `raw`.
    """
    if isinstance(raw, str) and raw in APPLICATIONS:
        raise InvalidDocument("", [_name_alone(raw)])
    value = load_document(raw)
    named = isinstance(value, dict) and "application" in value
    return parse_application(value) if named else parse_value(value)


def _name_alone(name: str) -> Problem:
    advice = f'write {{"application": "{name}"}}'
    return Problem("", "this is a network's name, not a document", "a document", shown(name), advice)


def parse_application(raw: dict[str, Any]) -> Application:
    """Parse the constructor's arguments.

    Raises:
        InvalidDocument: listing every problem with its pointer into `raw`.
    """
    family = _family(raw["application"])
    words = Words({"": field_names(family)}, {"": APPLICATION})
    try:
        application = family.model_validate(raw)
    except ValidationError as error:
        raise InvalidDocument("", problems_of(error, raw, words)) from None
    problems = [*_without_effect(application), *_not_pretrained(application)]
    if problems:
        raise InvalidDocument("", problems)
    return application


def _family(name: Any) -> type[Application]:
    if isinstance(name, str) and name in APPLICATIONS:
        return APPLICATIONS[name]
    raise InvalidDocument.at(
        "/application",
        "keras.applications has no network of this name",
        expected=f"one of {', '.join(sorted(APPLICATIONS))}",
        received=shown(name),
        suggestion=suggest(name, APPLICATIONS),
    )


def _without_effect(application: Application) -> Iterator[Problem]:
    """Yield problems of arguments that Keras would ignore silently."""
    if application.include_top and application.pooling is not None:
        yield Problem("/pooling", "pooling replaces the top", "null where include_top is true",
                      shown(application.pooling), 'write "include_top": false')  # fmt: skip
    for field in () if application.include_top else ("classes", "classifier_activation"):
        value, default = getattr(application, field), Application.model_fields[field].default
        if value != default:
            yield Problem(f"/{field}", f"{field} belongs to the top", "nothing where include_top is false",
                          shown(value), 'write "include_top": true')  # fmt: skip


def _not_pretrained(application: Application) -> Iterator[Problem]:
    """Yield problems of arguments that the ImageNet weights do not fit."""
    if application.weights is None:
        return
    if application.classes != 1000:
        yield Problem("/classes", "the weights of ImageNet have 1,000 classes", "1000, or null for weights",
                      shown(application.classes), 'write "weights": null')  # fmt: skip
    if application.classifier_activation not in (None, "softmax"):
        yield Problem("/classifier_activation", "the weights of ImageNet were trained with softmax",
                      "null or softmax", shown(application.classifier_activation))  # fmt: skip
    if application.input is not None and application.input[2] != 3:
        yield Problem("/input/2", "the weights of ImageNet are for pictures of three channels", "3",
                      shown(application.input[2]), 'write "weights": null')  # fmt: skip


OUTSIDE_GRAPH = frozenset({"name", "seed", "labels"})
"""Fields that do not change the graph."""


def graph_arguments(application: Application) -> bytes:
    """Return the arguments that determine the graph and the ImageNet weights, as JSON for `parse_application`."""
    return orjson.dumps(application.model_dump(exclude=set(OUTSIDE_GRAPH)), option=orjson.OPT_SORT_KEYS)

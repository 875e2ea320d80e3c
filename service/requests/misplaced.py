"""Detection of misplaced parts of a JSON body: a bare document, layers among the options, doubly encoded JSON."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

from models.errors import InvalidDocument, InvalidOption, ModelDamaged, NotFound, Problem, shown
from models.reading.keras_json import is_keras_json
from models.reading.tensorflow_js import is_tensorflow_js
from models.store.store import ModelStore
from service.options.activation import LAYERS
from service.options.field_names import INPUTS, MODEL

MAX_NAME = 128
"""Most characters of a text that is looked up as a name or an id."""
TYPES = ("type", "class_name")
"""Keys of a layer's type: in Layerscope documents, and in Keras JSON."""
RUN, RUN_REGISTERED, PLAN = '{"model": …, "inputs": …}', '{"inputs": …}', '{"model": …}'
"""Templates of the routes' bodies."""
RUN_NAMED = "POST /v1/models/{name}/activations runs it"
UNDER_MODEL = 'put it under "model"'
NAMED_BY_PATH = "leave it out: the path names the model"


def require_object(raw: Any, template: str) -> dict[str, Any]:
    """Return the body if it is an object with the fields of `template`.

    Raises:
        InvalidOption: it is not an object, or is a bare model document.
    """
    advice = NAMED_BY_PATH if template == RUN_REGISTERED else UNDER_MODEL
    if is_document(raw):
        received = shown(raw)
        raise InvalidOption.at(
            "", "the body is a model document by itself", expected=template, received=received, suggestion=advice
        )
    if not isinstance(raw, dict):
        raise InvalidOption.at(
            "", "the body is not an object", expected=template, received=shown(raw), suggestion=_body_advice(raw)
        )
    return raw


def refuse_name(store: ModelStore, raw: Any, advice: str) -> None:
    """Reject the name of a registered model in place of a document; `advice` has the placeholder `{name}`.

    Raises:
        InvalidDocument
    """
    if not isinstance(raw, str) or len(raw) > MAX_NAME:
        return
    with suppress(NotFound, ModelDamaged):
        name = store.find(raw).name
        message = "this is the name of a registered model, not a document"
        suggestion = advice.replace("{name}", name)
        raise InvalidDocument.at(
            f"/{MODEL}", message, expected="a model document", received=shown(raw), suggestion=suggestion
        )


def is_document(value: Any) -> bool:
    """Whether this is a document in any form, rather than a request that contains one."""
    if isinstance(value, list):
        return bool(value) and _is_layer(value[0])
    if not isinstance(value, dict) or MODEL in value:
        return False
    return "application" in value or is_keras_json(value) or is_tensorflow_js(value) or _holds_layers(value)


def misplaced_options(values: Mapping[str, Any]) -> list[Problem]:
    """Return the problems of options with values that belong under another name."""
    problems = []
    if _holds_layers(values):
        message, expected = "these are the layers of a document, not addresses", 'addresses such as ["conv2d"]'
        advice = 'put them under "model", as {"layers": […]}'
        problems.append(Problem(f"/{LAYERS}", message, expected, shown(values[LAYERS]), advice))
    if isinstance(values.get("data"), list | dict):
        message = "data says how JSON carries arrays; this is a tensor"
        problems.append(Problem("/data", message, "nested, base64 or none", shown(values["data"]), f'write "{INPUTS}"'))
    return problems


def _holds_layers(value: Mapping[str, Any]) -> bool:
    layers = value.get(LAYERS)
    return isinstance(layers, list) and bool(layers) and _is_layer(layers[0])


def _is_layer(value: Any) -> bool:
    return isinstance(value, dict) and any(name in value for name in TYPES)


def _body_advice(raw: Any) -> str | None:
    """Return the advice for a body that is not an object."""
    if isinstance(raw, list):
        return f'write {{"{INPUTS}": …}} around it'
    if isinstance(raw, str) and _is_json(raw):
        return "it is encoded twice: json=body instead of json=json.dumps(body), body instead of JSON.stringify(text)"
    return None


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True

"""Documents sent as text: JSON such as that of `model.to_json()`, or a word mistaken for a document."""

from __future__ import annotations

from typing import Any

import orjson

from models.errors import InvalidDocument, Problem, shown
from models.files.mistaken_text import kind_of_base64, text_advice
from models.files.not_json import TO_REGISTER, not_json
from models.files.signatures import ZIP
from models.layers import ALIASES, CATALOGUE
from models.limits import NAME

MARK = "\ufeff"
"""The byte order mark, which is ignored."""
WRAPPERS = ("model", "document")
"""Fields of requests that hold a document."""
EXPECTED = "a document, or JSON text"
REGISTERED = "a document stands here; GET /v1/models lists the registered models, which run under their own addresses"


def text_problem(text: str, error: orjson.JSONDecodeError) -> Problem:
    """Describe text that is not JSON."""
    found = not_json(text.encode("utf-8", "replace"), error)
    expected = f"{EXPECTED}; line {error.lineno}, column {error.colno} is not"
    return Problem("", "the text is not JSON", expected, shown(text), _advice(text) or found.suggestion)


def _advice(word: str) -> str | None:
    """Return the suggestion for a file in base64, for a layer type, and for the name of a registered model."""
    if kind_of_base64(word) is ZIP:
        return TO_REGISTER
    if word in CATALOGUE or word in ALIASES:
        return f'write [{{"type": "{word}", …}}]'
    return REGISTERED if NAME.fullmatch(word) and text_advice(word.encode()) is None else None


def check_not_wrapped(value: Any) -> None:
    """Refuse an object that wraps a document, as requests do, in place of the document itself.

    Raises:
        InvalidDocument: pointing at the wrapping field.
    """
    word = next((word for word in WRAPPERS if isinstance(value.get(word), dict | list)), None)
    if word is not None and "layers" not in value:
        message, advice = "a document stands here by itself", f'leave "{word}" out and send what is in it'
        raise InvalidDocument.at(
            f"/{word}", message, expected='{"layers": […]}', received=f'an object with "{word}"', suggestion=advice
        )

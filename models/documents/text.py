"""Text in place of a document: JSON, of which `model.to_json()` is some, or a word that stands for something else."""

from __future__ import annotations

import re
from typing import Any

import orjson

from models.errors import InvalidDocument, Problem, shown
from models.files.not_json import TO_REGISTER, not_json
from models.files.printed import kind_of_base64, text_advice
from models.files.signatures import ZIP
from models.layers import ALIASES, CATALOGUE

MARK = "\ufeff"
"""The byte order mark, which says nothing and is passed over."""
WRAPPERS = ("model", "document")
EXPECTED = "a document, or JSON text"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
REGISTERED = "a document stands here; GET /v1/models lists the registered models, which run under their own addresses"


def no_document(text: str, error: orjson.JSONDecodeError) -> Problem:
    """The problem of text that is not JSON."""
    found = not_json(text.encode("utf-8", "replace"), error)
    expected = f"{EXPECTED}; line {error.lineno}, column {error.colno} is not"
    return Problem("", "the text is not JSON", expected, shown(text), _meant(text) or found.suggestion)


def _meant(word: str) -> str | None:
    """What to do with a file in base64, and to write for the name of a layer."""
    if kind_of_base64(word) is ZIP:
        return TO_REGISTER
    if word in CATALOGUE or word in ALIASES:
        return f'write [{{"type": "{word}", …}}]'
    return REGISTERED if NAME.fullmatch(word) and text_advice(word.encode()) is None else None


def check_not_wrapped(value: Any) -> None:
    """Refuses an object that holds a document, as requests do, in place of the document.

    Raises:
        InvalidDocument
    """
    word = next((word for word in WRAPPERS if isinstance(value.get(word), dict | list)), None)
    if word is not None and "layers" not in value:
        message, advice = "a document stands here by itself", f'leave "{word}" out and send what is in it'
        raise InvalidDocument("", [Problem(f"/{word}", message, '{"layers": […]}', f'an object with "{word}"', advice)])

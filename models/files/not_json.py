"""Problems of text that is not JSON: the position of the error, the actual format or its writer, and advice."""

from __future__ import annotations

import re

import orjson

from models.errors import Problem
from models.files.mistaken_text import text_advice
from models.files.signatures import HDF5, JSON, TEXT, Role
from models.files.unsupported import KERAS, Advice, advice_on, kind_of_data

EXPECTED = "JSON (RFC 8259, UTF-8)"
CONTEXT_CHARACTERS = 64
"""Characters after a syntax error that are matched against WORDS."""
PYTHON = "this is how Python prints it: send json.dumps(…)"
WORDS: tuple[tuple[str, str], ...] = (
    (r"-?(?:NaN|Infinity)\b", 'write NaN and infinities as the strings "NaN", "Infinity", "-Infinity"'),
    (r"(?:True|False|None)\b|'|\(", PYTHON),
    ("[\u201c\u201d\u2018\u2019\u00ab\u00bb]", 'these are typographic quotes: write straight ones, "'),
    (r"//|/\*|#", "JSON has no comments: leave them out"),
    (r"undefined\b", "JSON has no undefined: write null, or leave the member out"),
    (r"[A-Za-z_$][\w$]*\s*:", "write names in double quotes; where a shell took them out, send a file, -d @file.json"),
    (r"\.\d|\+\d|\d", "write numbers as 0.5: a digit before the point, no plus, no zeros in front"),
)
"""Patterns of the text at a syntax error, each with its advice."""
TO_REGISTER = "PUT /v1/models/{name} takes it as the part weights; POST /v1/models/{name}/activations then runs it"
ADVICE: Advice = {
    Role.PICTURE: "a picture is the part image of a form: curl -F image=@a.png",
    Role.TENSORS: "a file of tensors is the part tensor of a form: curl -F tensor=@a.npy",
    KERAS: TO_REGISTER,
    HDF5: "weights come with PUT /v1/models/{name}, as the part weights beside model",
}
"""The advice for a file sent in place of JSON, under /v1."""


def not_json(text: bytes, error: orjson.JSONDecodeError, what: str = "the text", advice: Advice = ADVICE) -> Problem:
    """Return the problem of text, called `what`, that orjson rejected; `advice` is for files of other formats."""
    if not text or text.isspace():
        return Problem("", f"{what} is empty", EXPECTED, "nothing")
    kind = kind_of_data(text)
    if kind is None or kind in (TEXT, JSON):
        expected = f"{EXPECTED}; line {error.lineno}, column {error.colno} is not"
        return Problem("", f"{what} is not JSON", expected, f"{len(text):,} bytes", text_advice(text) or _reason(error))
    received = f"{len(text):,} bytes"
    return Problem("", f"{what} is not JSON but {kind.name}", EXPECTED, received, advice_on(kind, advice))


def _reason(error: orjson.JSONDecodeError) -> str | None:
    """Return the advice for a syntax error, by orjson's message and the text at its position."""
    if not error.doc:
        return "save it as UTF-8"
    if "trailing comma" in error.msg:
        return "leave the comma before the closing bracket out"
    here = error.doc[error.pos : error.pos + CONTEXT_CHARACTERS]
    return next((advice for pattern, advice in WORDS if re.match(pattern, here)), None)

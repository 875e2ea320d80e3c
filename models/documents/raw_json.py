"""JSON as clients send it, read in one place and strictly, and what is looked at of it before anything is known."""

from __future__ import annotations

from typing import Any

import orjson

from models.documents.text import MARK, no_document
from models.errors import InvalidDocument, Problem, Unparsable
from models.json_text.keys import check_keys
from models.json_text.limits import UNCOUNTED, Claim, nothing_claimed
from models.json_text.pieces import PieceReader

MAX_DEPTH = 64
"""Deepest nesting of arrays and objects in a document."""


LARGE = 4096
"""Members of a value that take a while to be looked through."""


def read_json(text: bytes, inputs: str | None = None, claim: Claim = nothing_claimed) -> Any:
    """The value of one JSON text (RFC 8259, UTF-8), in which no object has a key twice. `inputs` is the member that
    holds numbers, of which there may be many; "" for a text that is nothing else. Large arrays of them come as Numbers.

    Raises:
        orjson.JSONDecodeError: where it stops being JSON.
        Unparsable: pointing at a key that stands twice.
        TooLarge: pointing at an object of too many keys or arrays of too many items, or the document is too long.
    """
    if len(text) > UNCOUNTED:
        return PieceReader(text, claim).whole(inputs)
    value = orjson.loads(text)
    check_keys(text, value)
    return value


def loaded(raw: Any) -> Any:
    """The JSON value that a document is, also where it was sent as text.

    Raises:
        InvalidDocument: for text that is not JSON or has a key twice, and for what nests too deeply.
    """
    value = _of_text(raw) if isinstance(raw, str) else raw
    if _depth(value) > MAX_DEPTH:
        raise InvalidDocument("The document nests too deeply.", [_too_deep()])
    return value


def _of_text(text: str) -> Any:
    try:
        return read_json(text.removeprefix(MARK).encode("utf-8", "surrogatepass"))
    except orjson.JSONDecodeError as error:
        raise InvalidDocument("", [no_document(text, error)]) from None
    except Unparsable as error:
        raise InvalidDocument("", error.problems) from None


def _too_deep() -> Problem:
    return Problem("", "the document nests too deeply", f"at most {MAX_DEPTH} levels of nesting", "more levels")


def _depth(value: Any, limit: int = MAX_DEPTH + 1) -> int:
    """Levels of nesting, counted up to `limit` without recursion."""
    level, depth = [value], 0
    while level and depth < limit:
        children = [item for item in level if isinstance(item, dict | list)]
        level = [inner for item in children for inner in (item.values() if isinstance(item, dict) else item)]
        depth += bool(children)
        if not children:
            break
    return depth


def is_large(value: Any, limit: int = LARGE) -> bool:
    """Whether a value has more than `limit` members, or characters if it is text; looks at no more than that."""
    if isinstance(value, str):
        return len(value) > limit
    waiting, count = [value], 0
    while waiting:
        one = waiting.pop()
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        count += len(inner)
        if count > limit:
            return True
        waiting += inner
    return False

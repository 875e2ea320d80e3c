"""Strict parsing of client JSON, and checks of its size and nesting before validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from models.documents.text import MARK, text_problem
from models.errors import InvalidDocument, Problem, Unparsable
from models.json_text.keys import check_keys
from models.json_text.limits import UNCOUNTED, Claim, claim_nothing
from models.json_text.pauses import collection_paused
from models.json_text.pieces import PieceReader

MAX_DEPTH = 64
"""Deepest nesting of arrays and objects in a document."""


LARGE = 4096
"""Number of members from which traversing a value takes noticeable time."""


def read_json(text: bytes, inputs: str | None = None, claim: Claim = claim_nothing, bodies: Sequence[str] = ()) -> Any:
    """Parse one JSON text (RFC 8259, UTF-8) without duplicate keys. `inputs` names the member that holds numbers, of
    which there may be many; "" if the whole text does. The members that `bodies` names may have such a member, too.
    Large arrays of numbers are returned as Numbers.

    Raises:
        orjson.JSONDecodeError: if the text is not JSON.
        Unparsable: pointing at a duplicate key.
        TooLarge: pointing at an object of too many keys or arrays of too many items, or if the document is too long.
    """
    if len(text) > UNCOUNTED:
        with collection_paused():
            return PieceReader(text, claim).whole(inputs, bodies)
    value = orjson.loads(text)
    check_keys(text, value)
    return value


def load_document(raw: Any) -> Any:
    """Return the JSON value of a document, parsing it if it was sent as text.

    Raises:
        InvalidDocument: for text that is not JSON or has duplicate keys, and for too deep nesting.
    """
    value = _parse_text(raw) if isinstance(raw, str) else raw
    if _depth(value) > MAX_DEPTH:
        raise InvalidDocument("The document nests too deeply.", [_nesting_problem()])
    return value


def _parse_text(text: str) -> Any:
    try:
        return read_json(text.removeprefix(MARK).encode("utf-8", "surrogatepass"))
    except orjson.JSONDecodeError as error:
        raise InvalidDocument("", [text_problem(text, error)]) from None
    except Unparsable as error:
        raise InvalidDocument("", error.problems) from None


def _nesting_problem() -> Problem:
    return Problem("", "the document nests too deeply", f"at most {MAX_DEPTH} levels of nesting", "more levels")


def _depth(value: Any, limit: int = MAX_DEPTH + 1) -> int:
    """Count the levels of nesting up to `limit`, without recursion."""
    level, depth = [value], 0
    while level and depth < limit:
        children = [item for item in level if isinstance(item, dict | list)]
        level = [inner for item in children for inner in (item.values() if isinstance(item, dict) else item)]
        depth += bool(children)
        if not children:
            break
    return depth


def is_large(value: Any, limit: int = LARGE) -> bool:
    """Whether a value has more than `limit` members, or characters if it is text; visits no more than that."""
    if isinstance(value, str):
        return len(value) > limit
    pending, count = [value], 0
    while pending:
        item = pending.pop()
        members = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        count += len(members)
        if count > limit:
            return True
        pending += members
    return False

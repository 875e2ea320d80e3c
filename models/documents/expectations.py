"""Expectations of fields: the values expected in place of the ones that pydantic refuses, in short texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pydantic_core import ErrorDetails

from models.errors import shown, suggest
from models.errors.problem import MAX_NAME
from models.errors.suggestions import dtype_advice

LISTS: Mapping[str | int, type] = {"inputs": str, "outputs": str, "shape": int}
"""Fields that are lists even of one item, and the type of an item."""
DTYPE = "float32"
"""A member of every enumeration of dtypes, and of no other enumeration."""
EXPECTED = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "a string",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "an array",
    "tuple_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "none_required": "null: nothing else is supported here",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "too_short": "at least {min_length} items",
    "too_long": "at most {max_length} items",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "text of the form {pattern}",
    "string_unicode": "valid Unicode text",
}
"""Templates of what was expected, by pydantic's error type, filled in from the error's context."""


def expected_of(detail: ErrorDetails) -> str:
    """Return the expected value: a validator's own text, or that of the type of error."""
    context = detail.get("ctx") or {}
    template = str(context.get("expected") or EXPECTED.get(detail["type"], detail["msg"]))
    for key, value in context.items():
        template = template.replace("{" + key + "}", str(value))
    return template


def message_of(detail: ErrorDetails, path: Sequence[str | int], owner: str | None, expected: str) -> str:
    """Return `units should be an integer`, or a validator's own message after the name of the field or layer."""
    name = next((str(part) for part in reversed(path) if isinstance(part, str)), "the value")
    own = detail["type"] not in EXPECTED and "expected" in (detail.get("ctx") or {})
    if own and owner and isinstance(detail["input"], dict) and detail["input"].get("type") == owner:
        name = owner
    name = name if len(name) <= MAX_NAME else "the value"
    return f"{name}: {detail['msg']}" if own else f"{name} should be {expected}"


def suggestion_of(detail: ErrorDetails) -> str | None:
    """Suggest the closest member of an enumeration, or a list in place of a single address or length."""
    if detail["type"] == "list_type" and LISTS.get(detail["loc"][-1]) is type(detail["input"]):
        return f"write [{shown(detail['input'])}]"
    if detail["type"] != "literal_error" or not isinstance(detail["input"], str):
        return None
    known = re.findall(r"'([^']*)'", str(detail["ctx"]["expected"]))
    if DTYPE in known:
        return dtype_advice(detail["input"], known)
    return suggest(detail["input"], known)

"""From pydantic's errors to problems a person can act on: pointer, expected, received, suggestion."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from models.errors import Problem, did_you_mean, shown

MAX_NAME = 128
"""Characters of a name that is sent back; a longer one cannot have been meant."""
MAX_PROBLEMS = 20
"""Problems listed in one reply; a document with a thousand mistakes needs no more to be put right."""

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
"""What was expected, by pydantic's error type, filled from the error's context."""


def pointer_to(path: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def problems_of(error: ValidationError, data: Any, fields: Mapping[str, Iterable[str]] | None = None) -> list[Problem]:
    """Every problem pydantic found in `data`, at most MAX_PROBLEMS.

    `fields` gives the known field names, for suggestions about unknown ones: by layer type, by the top-level field
    that an object lies in, and under "" those of the document itself.
    """
    return problems_in(error.errors(include_url=False, include_input=True), data, fields)


def problems_in(
    details: Sequence[ErrorDetails], data: Any, fields: Mapping[str, Iterable[str]] | None = None
) -> list[Problem]:
    """Likewise of pydantic's errors as they stand, whoever gathered them."""
    found = _without_repeats(_problem(detail, data, fields or {}) for detail in details[:MAX_PROBLEMS])
    return _without_misspelt(_without_other_kinds(found))


KINDS = {"an object", "an array", "an integer", "a number", "a string", "true or false"}


def _without_other_kinds(problems: Sequence[Problem]) -> list[Problem]:
    """Where an array or an object may stand, and one does but is wrong inside, nobody meant something else."""
    above = {problem.pointer[:end] for problem in problems for end, sign in enumerate(problem.pointer) if sign == "/"}
    return [problem for problem in problems if problem.pointer not in above or problem.expected not in KINDS]


def _without_misspelt(problems: Sequence[Problem]) -> list[Problem]:
    """A required field that is there under a wrong name is one problem, not two."""
    meant = {
        (problem.pointer.rpartition("/")[0], problem.suggestion)
        for problem in problems if problem.suggestion and "is not a" in problem.message
    }  # fmt: skip
    kept = []
    for problem in problems:
        parent, _, name = problem.pointer.rpartition("/")
        if not (problem.received == "nothing" and (parent, f'write "{name}"') in meant):
            kept.append(problem)
    return kept


def _without_repeats(problems: Iterable[Problem]) -> list[Problem]:
    """One problem per field: the arms of a union each complain of the same value."""
    first: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        key = (problem.pointer, problem.received or "")
        if key in first and first[key].expected != problem.expected:
            known = first[key]
            first[key] = Problem(
                known.pointer,
                known.message,
                f"{known.expected}, or {problem.expected}",
                known.received,
                known.suggestion,
            )
        first.setdefault(key, problem)
    return list(first.values())


def _problem(detail: ErrorDetails, data: Any, fields: Mapping[str, Iterable[str]]) -> Problem:
    path, owner = _real_path(detail["loc"], data, detail["type"] == "missing")
    context = dict(detail.get("ctx") or {})
    match detail["type"]:
        case "extra_forbidden":
            return _unknown_field(path, owner, fields)
        case "missing":
            return Problem(pointer_to(path), f"{path[-1]} is required", f"a value for {path[-1]}", "nothing")
        case "union_tag_not_found":
            return Problem(pointer_to([*path, "type"]), "a layer needs a type", "the name of a layer", "nothing")
        case "union_tag_invalid":
            return _unknown_tag([*path, "type"], context)
    expected = context.get("expected") or EXPECTED.get(detail["type"], detail["msg"])
    expected = _filled(str(expected), context)
    return Problem(
        pointer_to(path),
        _message(detail, path, owner, expected),
        expected,
        context.get("received") or shown(detail["input"]),
        context.get("suggestion") or _nearest(detail, context),
    )


def _nearest(detail: ErrorDetails, context: Mapping[str, Any]) -> str | None:
    """The member of an enumeration that a misspelt word was meant to be."""
    if detail["type"] != "literal_error" or not isinstance(detail["input"], str):
        return None
    near = did_you_mean(detail["input"], re.findall(r"'([^']*)'", str(context["expected"])))
    return f'write "{near}"' if near else None


def _unknown_tag(path: list[str | int], context: Mapping[str, Any]) -> Problem:
    known = [tag.strip(" '") for tag in str(context.get("expected_tags", "")).split(",")]
    near = did_you_mean(str(context.get("tag", "")), known)
    return Problem(
        pointer_to(path),
        "no layer of this type can stand here",
        f"one of {', '.join(known)}" if len(known) <= 30 else "the name of a layer of GET /v1/layers",
        shown(context.get("tag")),
        f'write "{near}"' if near else None,
    )


def _message(detail: ErrorDetails, path: list[str | int], owner: str | None, expected: str) -> str:
    """`units should be an integer`, or a validator's own words after the name of the field or layer."""
    name = next((str(part) for part in reversed(path) if isinstance(part, str)), "the value")
    own = detail["type"] not in EXPECTED and "expected" in (detail.get("ctx") or {})
    if own and owner and isinstance(detail["input"], dict) and detail["input"].get("type") == owner:
        name = owner
    name = name if len(name) <= MAX_NAME else "the value"
    return f"{name}: {detail['msg']}" if own else f"{name} should be {expected}"


def _filled(template: str, context: Mapping[str, Any]) -> str:
    for key, value in context.items():
        template = template.replace("{" + key + "}", str(value))
    return template


def _unknown_field(path: list[str | int], owner: str | None, fields: Mapping[str, Iterable[str]]) -> Problem:
    known = list(fields.get(owner or (str(path[0]) if len(path) > 1 else ""), ()))
    return unknown_name(pointer_to(path), str(path[-1]), known, owner)


def unknown_name(pointer: str, name: str, known: Sequence[str], owner: str | None = None) -> Problem:
    """A name that is none of the known ones: of an argument of the layer type `owner`, or of an option."""
    near = did_you_mean(name, known)
    return Problem(
        pointer,
        f"{shown(name)} is not an argument of {owner}" if owner else f"{shown(name)} is not a known field",
        f"one of {', '.join(known)}" if known else "only known fields",
        shown(name),
        f'write "{near}"' if near else None,
    )


def _real_path(loc: tuple[str | int, ...], data: Any, missing: bool) -> tuple[list[str | int], str | None]:
    """The location without the names of union arms that pydantic puts in, and the layer type it lies in.

    `missing` is whether the last part is absent from the data because that is what the error is about.
    """
    path: list[str | int] = []
    owner: str | None = None
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        if isinstance(data, dict) and part not in data and isinstance(data.get("config"), dict):
            path.append("config")  # Keras writes an object's arguments one level further in
            data = data["config"]
        if isinstance(data, dict) and (part in data or (last and missing)):
            path.append(part)
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            path.append(part)
            data = data[part]
        owner = _type_of(data) or owner
    return path, owner


def _type_of(data: Any) -> str | None:
    """What an object says it is: `type`, or Keras' `class_name`."""
    word = data.get("type", data.get("class_name")) if isinstance(data, dict) else None
    return word if isinstance(word, str) else None


def field_names(model: type[BaseModel]) -> list[str]:
    """The names a JSON object of this model may have."""
    return list(model.model_fields)

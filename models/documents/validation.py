"""Conversion of pydantic's errors to actionable problems: pointer, expected, received, suggestion."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from models.documents.expectations import expected_of, message_of, suggestion_of
from models.errors import Problem, shown, suggest
from models.errors.problem import MAX_PROBLEMS, pointer_to
from models.errors.suggestions import Synonyms, Words, advice

NO_WORDS = Words({})
NEAR, NEAR_ARGUMENT = 0.6, 0.75
"""Minimum similarity of a suggested name; higher for layers, whose many arguments resemble most words a little."""


def problems_of(error: ValidationError, data: Any, words: Words = NO_WORDS) -> list[Problem]:
    """Return the problems pydantic found in `data`, at most MAX_PROBLEMS; `words` help to explain unknown names."""
    return problems_in(error.errors(include_url=False, include_input=True), data, words)


def problems_in(details: Sequence[ErrorDetails], data: Any, words: Words = NO_WORDS) -> list[Problem]:
    """Return the problems of a list of pydantic's error details, as `problems_of` does."""
    problems = _without_repeats(_problem(detail, data, words) for detail in details[:MAX_PROBLEMS])
    return _without_misspelt(_without_other_kinds(problems))


SUGGESTED_NAME = re.compile(r'write "([^"]*)"')
"""The suggestion of another name."""
JSON_KINDS = {"an object", "an array", "an integer", "a number", "a string", "true or false"}
"""Expectations of one kind of JSON value."""


def _without_other_kinds(problems: Sequence[Problem]) -> list[Problem]:
    """Drop the other kinds that a union expects where an array or object was received that has problems inside."""
    above = {problem.pointer[:end] for problem in problems for end, sign in enumerate(problem.pointer) if sign == "/"}
    return [problem for problem in problems if problem.pointer not in above or problem.expected not in JSON_KINDS]


def _without_misspelt(problems: Sequence[Problem]) -> list[Problem]:
    """Drop the problem of a missing field that is present under a misspelt name."""
    meant = {
        problem.pointer.rpartition("/")[0] + "/" + match[1]
        for problem in problems
        if "is not a" in problem.message and (match := SUGGESTED_NAME.match(problem.suggestion or ""))
    }
    return [problem for problem in problems if problem.received != "nothing" or problem.pointer not in meant]


def _without_repeats(problems: Iterable[Problem]) -> list[Problem]:
    """Merge the problems of one field: each arm of a union reports the same value."""
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


def _problem(detail: ErrorDetails, data: Any, words: Words) -> Problem:
    path, owner = _real_path(detail["loc"], data, detail["type"] == "missing")
    context = dict(detail.get("ctx") or {})
    match detail["type"]:
        case "extra_forbidden":
            return _unknown_field(path, owner, data, words)
        case "missing":
            return Problem(pointer_to(path), f"{path[-1]} is required", f"a value for {path[-1]}", "nothing")
        case "union_tag_not_found":
            return Problem(pointer_to([*path, "type"]), "a layer needs a type", "the name of a layer", "nothing")
        case "union_tag_invalid":
            return _unknown_tag([*path, "type"], context)
    expected = expected_of(detail)
    return Problem(
        pointer_to(path),
        message_of(detail, path, owner, expected),
        expected,
        context.get("received") or shown(detail["input"]),
        context.get("suggestion") or suggestion_of(detail),
    )


def _unknown_tag(path: list[str | int], context: Mapping[str, Any]) -> Problem:
    known = [tag.strip(" '") for tag in str(context.get("expected_tags", "")).split(",")]
    return Problem(
        pointer_to(path),
        "no layer of this type can stand here",
        f"one of {', '.join(known)}" if len(known) <= 30 else "the name of a layer of GET /v1/layers",
        shown(context.get("tag")),
        suggest(str(context.get("tag", "")), known),
    )


def _unknown_field(path: list[str | int], owner: str | None, data: Any, words: Words) -> Problem:
    """Describe an unknown field: an argument of a layer, a member of a top-level field, or a top-level field."""
    scope = owner or (str(path[0]) if len(path) > 1 else "")
    known, synonyms = list(words.fields.get(scope, ())), words.synonyms.get(scope, {})
    for part in path[:-1]:
        data = data[part]
    return unknown_name(pointer_to(path), str(path[-1]), known, owner, synonyms, data if isinstance(data, dict) else ())


def unknown_name(  # noqa: PLR0913, PLR0917 (the context of one name)
    pointer: str, name: str, known: Sequence[str], owner: str | None = None,
    synonyms: Synonyms | None = None, given: Iterable[str] = (),
) -> Problem:  # fmt: skip
    """Describe an unknown name: of an argument of the layer type `owner`, or of an option. `synonyms` map common other
    names to known ones; `given` are the names in the same object.
    """
    return Problem(
        pointer,
        f"{shown(name)} is not an argument of {owner}" if owner else f"{shown(name)} is not a known field",
        f"one of {', '.join(known)}" if known else "only known fields",
        shown(name),
        advice(name, known, given, synonyms or {}, NEAR_ARGUMENT if owner else NEAR),
    )


def _real_path(loc: tuple[str | int, ...], data: Any, missing: bool) -> tuple[list[str | int], str | None]:
    """Return the location without the union arms that pydantic inserts, and the enclosing layer type.

    `missing` says that the last part is absent from the data because the error reports its absence.
    """
    path: list[str | int] = []
    owner: str | None = None
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        if isinstance(data, dict) and part not in data and isinstance(data.get("config"), dict):
            path.append("config")  # Keras nests an object's arguments one level deeper
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
    """Return the `type` of an object, or Keras' `class_name`."""
    word = data.get("type", data.get("class_name")) if isinstance(data, dict) else None
    return word if isinstance(word, str) else None


def field_names(model: type[BaseModel]) -> list[str]:
    """Return the names that a JSON object of this model may have."""
    return list(model.model_fields)

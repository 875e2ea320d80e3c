"""What is printed of a registered model, and of a refusal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import prod
from pathlib import Path
from shlex import quote as quoted
from typing import Any
from urllib.parse import quote

from service.opening.failure import OpeningFailed
from service.opening.running_service import RunningService

PICTURE_CHANNELS = (1, 3, 4)
MAX_ZEROS = 256
"""Most numbers that a printed command has."""


def problems_of(body: bytes) -> str:
    """Return the problems of an error response as text."""
    try:
        reply = json.loads(body)
        lines = [_problem(problem) for problem in reply.get("errors", [])]
        return "\n".join([str(reply.get("detail")), *lines])
    except (ValueError, AttributeError, TypeError, KeyError):
        return "the reply is no problem document"


def _problem(problem: dict[str, Any]) -> str:
    """Return one problem as a line."""
    advice = f"; {problem['suggestion']}" if problem.get("suggestion") else ""
    line = f"{problem['pointer']}: {problem['message']}; expected {problem['expected']}; received {problem['received']}"
    return f"  {line}{advice}"


def notes_of(body: bytes) -> str:
    """Return the notes on a registered document, a line each."""
    try:
        notes = json.loads(body).get("notes", [])
        return "".join(f"note: {note['pointer']}: {note['message']}\n" for note in notes)
    except (ValueError, AttributeError, TypeError, KeyError):
        return ""


def description_of(service: RunningService, name: str, picture: Path | None = None) -> str:
    """Return the table of a model's layers, and commands to go on with, on the picture if there is one."""
    path = f"/v1/models/{quote(name)}"
    status, body = service.request("GET", path)
    _, table = service.request("GET", f"{path}?as=summary")
    if status != 200:
        raise OpeningFailed(problems_of(body))
    file = "picture.png" if picture is None else str(picture)
    inputs = _inputs(json.loads(body)["inputs"], f"-F image=@{quoted(file)}", picture is not None)
    key = '-H "X-API-Key: $LAYERSCOPE_KEY" ' if service.key else ""
    command = f"curl -sS {key}{service.url}{path}/activations {inputs}"
    arrays = f"{command} -H 'Accept: application/x-npz' -o {name}.npz"
    return f"{table.decode()}\n{service.url}{path}\n\n  {command}\n  {arrays}\n"


def _inputs(inputs: dict[str, dict[str, Any]], picture: str, is_given: bool) -> str:
    """Return curl's arguments for the inputs of a network: a picture where it is given or taken, else zeros."""
    shapes = [(name, spec["shape"]) for name, spec in inputs.items()]
    if is_given or (len(shapes) == 1 and len(shapes[0][1]) == 3 and shapes[0][1][-1] in PICTURE_CHANNELS):
        return picture
    if sum(prod(length or 1 for length in shape) for _, shape in shapes) > MAX_ZEROS:
        return "-F tensor=@inputs.npy" if len(shapes) == 1 else "-F tensor=@inputs.npz"
    zeros = {name: [_zeros(shape)] for name, shape in shapes}
    text = json.dumps({"inputs": next(iter(zeros.values())) if len(zeros) == 1 else zeros})
    return f"-H 'Content-Type: application/json' -d '{text}'"


def _zeros(shape: Sequence[int | None]) -> Any:
    """Return nested zeros; a free length is one."""
    return 0 if not shape else [_zeros(shape[1:]) for _ in range(shape[0] or 1)]

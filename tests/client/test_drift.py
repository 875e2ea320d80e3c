"""What the Python client knows of the service, against openapi/openapi.json."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from layerscope_client import AsyncModel, errors
from layerscope_client.calls import JSON_LINES, PNG, SAFETENSORS
from layerscope_client.models import VIEWS
from layerscope_client.replies import AXES, FIGURES, Record
from layerscope_client.tensors import CODES

from models.tensors.dtypes import SAFETENSORS_CODES

ROOT = Path(__file__).parents[2]
OPENAPI: dict[str, Any] = json.loads((ROOT / "openapi/openapi.json").read_text(encoding="utf-8"))
ROUTES = {"activations": "activations", "explain": "explanations", "compare": "comparisons", "diagnose": "diagnoses",
          "arithmetic": "arithmetic"}  # fmt: skip
OWN = {"self", "inputs", "views", "max_bytes", "options", "differences"}
"""Arguments of verbs that are no options of the service."""


def options(path: str) -> set[str]:
    """Return the names of a route's options."""
    return {parameter["name"] for parameter in OPENAPI["paths"][path]["post"]["parameters"]}


def test_errors_are_written_from_it() -> None:
    """`scripts/openapi` writes them."""
    command = [sys.executable, str(ROOT / "clients/python/write_errors.py")]
    written = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert written == Path(errors.__file__).read_text(encoding="utf-8")


def test_there_is_a_class_for_each_code_that_a_route_names() -> None:
    """The codes in the descriptions of replies."""
    replies = [reply["description"] for path, methods in OPENAPI["paths"].items() if not path.startswith("/v2")
               for method in methods.values() for reply in method["responses"].values()]  # fmt: skip
    named = {code for text in replies for code in re.findall(r"`([a-z_]+)`: ", text)}
    assert len(named) > 30
    assert named <= set(errors.BY_CODE)


@pytest.mark.parametrize("verb", ROUTES)
def test_arguments_are_options_of_the_route(verb: str) -> None:
    """Of both routes, that of a model in the request too."""
    arguments = set(inspect.signature(getattr(AsyncModel, verb)).parameters) - OWN
    assert arguments <= options(f"/v1/models/{{name}}/{ROUTES[verb]}")


def test_views_and_plans() -> None:
    """The names of views, and the arguments of a plan."""
    arguments = set(inspect.signature(AsyncModel.plan).parameters) - OWN
    assert arguments | set(VIEWS) | {"model"} == options("/v1/plan") - {"If-None-Match"}


def test_media_types() -> None:
    """Those that are asked for are those of runs."""
    content = OPENAPI["paths"]["/v1/models/{name}/activations"]["post"]["responses"]["200"]["content"]
    assert {SAFETENSORS, JSON_LINES, PNG, "application/json"} <= set(content)


def properties(schemas: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the properties of replies by name."""
    for schema in schemas.values():
        yield from schema.get("properties", {}).items()


def test_no_member_has_the_name_of_a_method() -> None:
    """Of records, whose members are attributes."""
    names = {name for name, _ in properties(OPENAPI["components"]["schemas"])}
    assert {"values", "items"} <= names
    assert not names & {name for name in vars(Record) if not name.startswith("_")}


def test_figures_that_json_has_no_numbers_for() -> None:
    """Each key whose schema has the three words beside numbers is known as a figure."""
    words = {"NaN", "Infinity", "-Infinity"}
    special = {name for name, schema in properties(OPENAPI["components"]["schemas"])
               for option in [*schema.get("anyOf", ()), *schema.get("items", {}).get("anyOf", ())]
               if set(option.get("enum", ())) == words}  # fmt: skip
    assert special
    assert special <= FIGURES


def test_names_of_axes_and_dtypes() -> None:
    """Those of the service: docs/api.md has the axes, and its own table the dtypes."""
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    assert all(f"`{axes}`" in text for axes in list(AXES.values())[1:])
    assert {code: name for name, code in SAFETENSORS_CODES.items()} == CODES

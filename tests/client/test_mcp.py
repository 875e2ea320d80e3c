"""`layerscope-mcp`, driven by the official client over standard input and output."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from layerscope_client import Layerscope, Model
from layerscope_client.mcp import answer, cut
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.server.mcpserver.exceptions import ToolError
from PIL import Image

from tests.client.conftest import DIGIT

if TYPE_CHECKING:
    from tests.conftest import Server

PROGRAM = str(Path(sys.executable).with_name("layerscope-mcp"))
BYTES = 3000
DIGIT_NAME = DIGIT.name
CALLS: dict[str, dict[str, Any]] = {
    "models": {},
    "plan": {"model": "client"},
    "activations": {"model": "client", "layers": ["conv", "head"], "picture": DIGIT_NAME, "top": 2},
    "explain": {"model": "client", "picture": DIGIT_NAME},
    "compare": {"model": "client", "picture": DIGIT_NAME, "b": {"dtype": "float16"}},
    "diagnose": {"model": "client", "picture": [DIGIT_NAME] * 30},
    "arithmetic": {"model": "client", "picture": DIGIT_NAME, "of": "head:pre[0, 3]"},
}
PICTURES: dict[str, dict[str, Any]] = {
    "picture": {"model": "client", "layer": "conv", "picture": DIGIT_NAME, "upscale": 2},
    "explanation_picture": {"model": "client", "picture": DIGIT_NAME, "upscale": 2},
}


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Client]:
    """Run the program, and yield a client of it."""
    arguments = ["--url", server.url, "--folder", str(DIGIT.parent), "--bytes", str(BYTES)]
    async with Client(stdio_client(StdioServerParameters(command=PROGRAM, args=arguments))) as client:
        yield client


async def told(client: Client, tool: str, arguments: dict[str, Any]) -> Any:
    """Return what a tool answers in text, which is JSON within the budget."""
    result = await client.call_tool(tool, arguments)
    (content,) = result.content
    assert not result.is_error, content
    assert result.structured_content is None
    assert len(content.text.encode()) <= BYTES
    return json.loads(content.text)


async def test_every_tool(server: Server, ls: Layerscope, model: Model) -> None:
    """They only read, and answer with figures that are those of the Python client."""
    run = model.activations(DIGIT)
    async with connected(server) as client:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == set(CALLS) | set(PICTURES)
        assert all(tool.annotations and tool.annotations.read_only_hint and tool.description for tool in tools)
        said = {tool: await told(client, tool, arguments) for tool, arguments in CALLS.items()}
    listed = [row for row in said["models"] if isinstance(row, dict)]  # as many as there is room for
    assert listed == [dict(row) for row in ls.models()[: len(listed)]]
    assert [layer["address"] for layer in said["plan"]["layers"]] == list(run)
    conv, head = said["activations"]["layers"]
    assert conv["stats"]["max"] == run["conv"].max()
    assert head["top"]["indices"] == [np.argsort(-run["head"][0])[:2].tolist()]
    assert said["explain"]["target"]["address"] == "head:pre"
    assert said["compare"]["first_divergence"] == "conv"
    assert said["diagnose"]["looked_at"] > 0
    assert said["arithmetic"]["value"] == model.arithmetic(DIGIT, "head:pre[0, 3]").value
    products = [abs(term["product"]) for term in said["arithmetic"]["steps"][0]["terms"][:-1]]
    assert products == sorted(products, reverse=True)


@pytest.mark.parametrize(("tool", "size"), [("picture", (105, 105)), ("explanation_picture", (56, 56))])
async def test_pictures(server: Server, model: Model, tool: str, size: tuple[int, int]) -> None:
    """Are images that a language model can look at."""
    async with connected(server) as client:
        (content,) = (await client.call_tool(tool, PICTURES[tool])).content
    assert content.mime_type == "image/png"
    assert Image.open(io.BytesIO(base64.b64decode(content.data))).size == size


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [("plan", {"model": "nobody"}, "there is no model of this name"),
     ("activations", {"model": "client", "layers": ["conf"], "picture": DIGIT_NAME}, 'write "conv"'),
     ("activations", {"model": "client", "layers": ["conv"]}, "give either picture"),
     ("activations", {"model": "client", "layers": ["conv"], "picture": "../README.md"}, "name a file below"),
     ("activations", {"model": "client", "layers": ["conv"], "picture": "none.png"}, "No such file"),
     ("activations", {"model": "client", "layers": ["conv"], "inputs": [["a"]]}, "send numbers"),
     ("picture", {"model": "client", "layer": "conv", "picture": DIGIT_NAME, "upscale": 64, "cmap": "gry"}, "gray")],
)  # fmt: skip
async def test_errors_say_what_to_do(
    server: Server, model: Model, tool: str, arguments: dict[str, Any], words: str
) -> None:
    """To the language model, which reads the same text as a person."""
    async with connected(server) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert words in result.content[0].text


async def test_inputs_in_json(server: Server, ls: Layerscope) -> None:
    """Nested lists, by name where there are several."""
    ls.put("sums", {"input": {"a": [2], "b": [2]}, "layers": [{"type": "Add", "inputs": ["a", "b"]}]})
    arguments = {"model": "sums", "layers": ["add"], "inputs": {"a": [[1, 2]], "b": [[3, 4]]}, "top": 1}
    async with connected(server) as client:
        said = await told(client, "activations", arguments)
    assert said["layers"][0]["top"] == {"indices": [[1]], "values": [[6.0]]}


async def test_a_large_network(server: Server, ls: Layerscope) -> None:
    """Fits the budget: lists are cut, and say how much of them is not there."""
    layers = [{"type": "Dense", "units": 3, "name": f"layer_{number}"} for number in range(200)]
    ls.put("large", {"input": [3], "layers": layers})
    async with connected(server) as client:
        said = await told(client, "plan", {"model": "large"})
    assert said["layers"][-1] == f"… and {200 - len(said['layers']) + 1} more"
    assert said["totals"]["layers"] == 200


def test_lists_are_cut() -> None:
    """At every depth; what does not fit even so is an error that says what to do."""
    assert cut({"a": [1, 2, [3, 4, 5]]}, 2) == {"a": [1, 2, "… and 1 more"]}
    with pytest.raises(ToolError, match="name fewer layers"):
        answer({"a": "x" * 100}, 50)

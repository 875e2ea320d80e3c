"""`layerscope-mcp`: a Model Context Protocol server that lets a language model look into networks, and change nothing.

No tool sends a tensor: activations come as statistics, largest units or histograms, and as pictures. Every answer fits
a budget of bytes.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Coroutine, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from mcp.server import MCPServer
from mcp.server.mcpserver import Image
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from layerscope_client.calls import Call
from layerscope_client.client import URL, AsyncLayerscope
from layerscope_client.errors import LayerscopeError
from layerscope_client.inputs import Inputs, input_parts
from layerscope_client.models import call_of
from layerscope_client.replies import Asked

TEXT_BYTES, PICTURE_BYTES = 16_000, 400_000
"""The budgets of an answer in text, about 5,000 tokens, and of a picture."""
LONGEST = (300, 100, 40, 15, 6, 3)
"""Items of a list that are shown, until the answer fits."""
INSTRUCTIONS = """Layerscope runs Keras networks and says what each layer makes of an input. Start with `models` and \
`plan`, which has the addresses of the layers. Select few layers (`conv*`, `type:Conv2D`). `picture` is the path of an \
image below the folder of this server; `inputs` are nested lists of numbers, or an object of them by input."""
READ_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
P = ParamSpec("P")


def cut(value: Any, most: int) -> Any:
    """Return a value with the first `most` items of each list, and how many there are more."""
    if isinstance(value, Mapping):
        return {name: cut(item, most) for name, item in value.items()}
    if isinstance(value, list):
        rest = [f"… and {len(value) - most} more"] if len(value) > most else []
        return [cut(item, most) for item in value[:most]] + rest
    return value


def answer(facts: Any, budget: int) -> str:
    """Return facts as JSON of at most `budget` bytes, lists cut. Raises ToolError if that is not enough."""
    for most in LONGEST:
        text = json.dumps(cut(facts, most), ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) <= budget:
            return text
    raise ToolError(f"name fewer layers: the answer would have {len(text.encode()):,} bytes, over {budget:,}")


def said(tool: Callable[P, Coroutine[Any, Any, Any]]) -> Callable[P, Coroutine[Any, Any, Any]]:
    """Return a tool whose errors are read by the language model: what to do instead."""

    @wraps(tool)
    async def method(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return await tool(*args, **kwargs)
        except (LayerscopeError, OSError, TypeError, ValueError) as error:
            raise ToolError(str(error)) from error

    return method


class Tools:
    """The tools, of one service; pictures are read below `folder` alone."""

    def __init__(self, service: AsyncLayerscope, folder: Path, budget: int = TEXT_BYTES) -> None:
        self._service, self._folder, self._budget = service, folder.resolve(), budget

    async def models(self) -> str:
        """List the registered networks."""
        return answer([dict(model) for model in await self._service.models()], self._budget)

    async def plan(self, model: str, layers: list[str] | None = None, batch: int = 1) -> str:
        """Show the layers of a network by address: shape, parameters, multiply-adds, receptive field; and totals."""
        return answer((await self._service[model].plan(batch, layers)).facts, self._budget)

    async def activations(
        self, model: str, layers: list[str], picture: str | list[str] | None = None, inputs: Any = None,
        top: int | None = None, histogram: str | None = None, edits: list[dict[str, Any]] | None = None,
    ) -> str:  # fmt: skip
        """Run a network: statistics of each layer (of the whole batch), with `top` also the largest units of the last
        axis, or with `histogram` ("16", or "16,-2,2" with a range) counts. `edits` change tensors on the way: [{"at":
        "conv2d", "channels": [0], "zero": true}].
        """
        options = {"layers": layers, "top": top, "histogram": histogram, "edits": edits}
        return await self._run(model, "activations", self._inputs(picture, inputs), options)

    async def picture(
        self, model: str, layer: str, picture: str | list[str] | None = None, inputs: Any = None,
        channel: int | None = None, upscale: int = 1, cmap: str = "viridis",
    ) -> Image:  # fmt: skip
        """Draw the feature maps of one layer as a contact sheet, or one `channel`, `upscale` pixels a value."""
        options = {"channel": channel, "upscale": upscale, "cmap": cmap}
        sent = self._inputs(picture, inputs)
        return self._image(await self._service[model].picture(sent, [layer], **options))

    async def explain(
        self, model: str, method: str = "grad_cam", of: str | None = None, to: list[str] | None = None,
        picture: str | list[str] | None = None, inputs: Any = None,
    ) -> str:  # fmt: skip
        """Say what a number of the network (`of`: "dense:pre[7]"; by default its answer) depends on: its value, and the
        statistics of the explanation at each address of `to`. Methods: gradient, input_x_gradient, smooth_grad,
        integrated_gradients, grad_cam, grad_cam++, layer_cam, occlusion, ablation.
        """
        options = {"method": method, "of": of, "to": to}
        return await self._run(model, "explanations", self._inputs(picture, inputs), options)

    async def explanation_picture(
        self, model: str, picture: str, method: str = "grad_cam", of: str | None = None, upscale: int = 1
    ) -> Image:
        """Draw an explanation over the picture that it is of."""
        options = {"method": method, "of": of, "overlay": True, "upscale": upscale, "format": "png"}
        asked = Asked("explanations", input_parts(self._inputs(picture, None)), options)
        return self._image((await self._service.sender.ask(call_of(model, asked, "image/png"))).body.tobytes())

    async def compare(
        self, model: str, b: dict[str, Any], layers: list[str] | None = None,
        picture: str | list[str] | None = None, inputs: Any = None,
    ) -> str:  # fmt: skip
        """Compare two runs layer by layer: `b` has what differs: {"model": name}, {"dtype": "float16"}, {"training":
        true} or {"edits": [...]}. See `first_divergence`, and `rel_l2`, `max_abs`, `status` of each layer.
        """
        return await self._run(model, "comparisons", self._inputs(picture, inputs), {"b": b, "layers": layers})

    async def diagnose(
        self, model: str, picture: str | list[str] | None = None, inputs: Any = None, layers: list[str] | None = None
    ) -> str:
        """Say what is wrong with the layers, over a batch (a list) of thirty items or more: dead units, NaN, …"""
        report = await self._service[model].diagnose(self._inputs(picture, inputs), layers)
        found = [finding for finding in report.facts["findings"] if finding["status"] == "found"]
        return answer({"found": found, "looked_at": len(report.facts["findings"])}, self._budget)

    async def arithmetic(self, model: str, of: str, picture: str | list[str] | None = None, inputs: Any = None) -> str:
        """Say how one number came about, its largest terms first. `of` is its address and index, the batch first:
        "conv2d[0, 5, 7, 2]".
        """
        report = await self._service[model].arithmetic(self._inputs(picture, inputs), of)
        for step in report.facts["steps"]:
            step["terms"].sort(key=lambda term: -abs(float(term["product"])))
        return answer(report.facts, self._budget)

    async def _run(self, model: str, path: str, inputs: Inputs, options: Mapping[str, Any]) -> str:
        data = "none" if options.get("top") is None and options.get("histogram") is None else "nested"
        known = {"data": data, "stats": True} if path in ("activations", "explanations") else {}
        call: Call = call_of(model, Asked(path, input_parts(inputs), {**known, **options}))
        return answer((await self._service.sender.ask(call)).json(), self._budget)

    def _inputs(self, picture: str | list[str] | None, inputs: Any) -> Inputs:
        if (picture is None) == (inputs is None):
            raise ToolError("give either picture, a path, or inputs, nested lists of numbers")
        if picture is None:
            return inputs
        paths = [(self._folder / path).resolve() for path in ([picture] if isinstance(picture, str) else picture)]
        outside = [path for path in paths if not path.is_relative_to(self._folder)]
        if outside:
            raise ToolError(f"name a file below {self._folder}: {outside[0]} is not")
        return paths

    def _image(self, png: bytes) -> Image:
        if len(png) > PICTURE_BYTES:
            advice = "draw one channel, or with a smaller upscale"
            raise ToolError(f"{advice}: the picture has {len(png):,} bytes, over {PICTURE_BYTES:,}")
        return Image(data=bytes(png), format="png")


def server(tools: Tools) -> MCPServer[Any]:
    """Return the server of some tools."""
    served: MCPServer[Any] = MCPServer("layerscope", instructions=INSTRUCTIONS, log_level="WARNING")
    for tool in (tools.models, tools.plan, tools.activations, tools.picture, tools.explain, tools.explanation_picture,
                 tools.compare, tools.diagnose, tools.arithmetic):  # fmt: skip
        served.add_tool(said(tool), annotations=READ_ONLY, structured_output=False)
    return served


def main() -> None:
    """Serve over standard input and output. The key is in the variable LAYERSCOPE_KEY."""
    parser = argparse.ArgumentParser("layerscope-mcp", description=__doc__)
    parser.add_argument("--url", default=URL, help="of the service (%(default)s)")
    parser.add_argument("--folder", type=Path, default=Path(), help="below which pictures are read (here)")
    parser.add_argument("--bytes", type=int, default=TEXT_BYTES, help="of an answer in text (%(default)s)")
    options = parser.parse_args()
    service = AsyncLayerscope(options.url, os.environ.get("LAYERSCOPE_KEY"))
    server(Tools(service, options.folder, options.bytes)).run("stdio")

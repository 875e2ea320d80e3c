"""Models: the verbs, written once as coroutines, and the same verbs for a client that waits."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import quote

from layerscope_client import html
from layerscope_client.calls import JSON, JSON_LINES, PNG, SAFETENSORS, Array, Call
from layerscope_client.errors import Invalid, OverBudget
from layerscope_client.inputs import Inputs, Named, batch_of, input_parts, option_parts, plain
from layerscope_client.replies import Asked, Comparison, Diagnosis, Layer, Picture, Report, RunReport, Summary
from layerscope_client.sending import Sender
from layerscope_client.tensors import Tensors
from layerscope_client.waiting import same, streamed, waiting

Selectors: TypeAlias = "str | Sequence[str] | None"
"""Addresses, globs and `type:Conv2D`; None: every layer."""
Views: TypeAlias = "Mapping[str, Any] | None"
"""`slice`, `reduce`, `top`, `histogram` and `dtype`, for all layers or by selector."""
Edits: TypeAlias = "Sequence[Mapping[str, Any]] | None"
VIEWS = ("slice", "reduce", "top", "histogram", "dtype")
MODELS = "/v1/models"


def path_of(name: str) -> str:
    """Return the path of a model by its name or id."""
    return f"{MODELS}/{_quoted(name, ':')}"


def _quoted(name: str, safe: str) -> str:
    """Return a name within a path. Dots alone are escaped: a client would go up there."""
    parts = quote(name, safe).split("/")
    return "/".join(part if part.strip(".") else part.replace(".", "%2E") for part in parts)


def call_of(name: str, asked: Asked, accept: str = JSON, max_bytes: int | None = None) -> Call:
    """Return the call of a run of a model."""
    parts = [*option_parts(asked.options), *asked.inputs]
    return Call("POST", f"{path_of(name)}/{asked.path}", accept, parts, max_bytes=max_bytes)


class AsyncRun(RunReport):
    """A run, whose layers the service draws on demand."""

    sender: Sender

    async def picture(self, /, layer: str, **options: Any) -> Picture:
        """Return one layer as a PNG, drawn by the service from the same request; options are those of pictures.

        After training mode, it is drawn from another run. Raises NotFound if the model is not registered any more.
        """
        kept = {name: value for name, value in self.asked.options.items() if name not in ("stats", "weights")}
        name = "to" if self.asked.path == "explanations" else "layers"
        asked = Asked(self.asked.path, self.asked.inputs, {**kept, name: [layer], **options})
        return Picture.of(await self.sender.ask(call_of(self.head["model"]["id"], asked, PNG)))


class AsyncModel(Named):
    """A registered model, by its name or id. Nothing is asked until a verb is. Each raises LayerscopeError: Refused, if
    the service says no and what to write instead, or that there is no reply.
    """

    def __init__(self, sender: Sender, name: str) -> None:
        self.sender, self.name = sender, name

    async def activations(
        self, /, inputs: Inputs, layers: Selectors = None, *, views: Views = None, edits: Edits = None,
        max_bytes: int | None = None, **options: Any,
    ) -> AsyncRun:  # fmt: skip
        """Run the model and return the arrays of `layers`, after their `views`; `edits` change tensors on the way.

        Further options are the service's: `scale`, `resize`, `training`, `weights`; `stats=False` is faster. With
        `max_bytes` the run is planned first, and raises OverBudget if the arrays would have more.
        """
        asked = {"stats": True, **options, **(views or {}), "layers": layers, "edits": edits}
        limit = None if max_bytes is None else await self._limit(inputs, asked, max_bytes)
        return await self._run(Asked("activations", input_parts(inputs), asked), limit)

    async def explain(
        self, /, inputs: Inputs, method: str | None = None, of: Any = None, to: Selectors = None, *,
        views: Views = None, edits: Edits = None, **options: Any,
    ) -> AsyncRun:  # fmt: skip
        """Say which values of `to` the number `of` depends on, by a `method` (gradient, grad_cam, occlusion, …)."""
        asked = {"stats": True, **options, **(views or {}), "method": method, "of": of, "to": to, "edits": edits}
        return await self._run(Asked("explanations", input_parts(inputs), asked))

    async def compare(
        self, /, inputs: Inputs | None, b: Mapping[str, Any] | Named | str, layers: Selectors = None, *,
        views: Views = None, differences: bool = False, **options: Any,
    ) -> Comparison:  # fmt: skip
        """Compare two runs: this model on `inputs` (None: each side names its own), and `b`, another model, or what
        differs (`model`, `inputs`, `training`, `edits`, `dtype`). With `differences`, the arrays a - b come along.
        """
        other = {"model": b} if isinstance(b, Named | str) else b
        parts = [] if inputs is None else input_parts(inputs)
        asked = Asked("comparisons", parts, {**options, **(views or {}), "b": other, "layers": layers})
        reply = await self.sender.ask(call_of(self.name, asked, SAFETENSORS if differences else JSON))
        tensors = Tensors(reply.body) if differences else {}
        return Comparison(tensors.facts if isinstance(tensors, Tensors) else reply.json(), tensors, asked)

    async def diagnose(
        self, /, inputs: Inputs, layers: Selectors = None, *, edits: Edits = None, **options: Any
    ) -> Diagnosis:
        """Say what is wrong with the layers, over a batch of thirty items or more."""
        return Diagnosis(await self._facts("diagnoses", inputs, {**options, "layers": layers, "edits": edits}))

    async def arithmetic(self, /, inputs: Inputs, of: Any, *, edits: Edits = None, **options: Any) -> Report:
        """Say how one number came about, `of` being its address and index, the batch first: `conv2d[0, 5, 7, 2]`. The
        reply has its `value`, the `steps` with their terms, and what it `reads`.
        """
        return Report(await self._facts("arithmetic", inputs, {**options, "of": of, "edits": edits}))

    async def plan(
        self, batch: int | None = 1, layers: Selectors = None, *, views: Views = None, explanation: Views = None
    ) -> Report:
        """Return shapes, bytes, parameters, multiply-adds and seconds of a run, without running it."""
        asked = {"layers": layers, **(views or {}), "explanation": explanation}
        body = {"batch": batch, **{name: plain(value) for name, value in asked.items() if value is not None}}
        call = Call("POST", "/v1/plan", json=json.dumps(body), params={"model": self.name})
        return Report((await self.sender.ask(call)).json())

    async def weights(self, layer: str | None = None) -> dict[str, Array]:
        """Return weights by `<address>/<name>`, in the order of Keras' `get_weights()`; of one layer or of all."""
        below = "" if layer is None else f"/layers/{_quoted(layer, '/')}"
        reply = await self.sender.ask(Call("GET", f"{path_of(self.name)}{below}/weights", SAFETENSORS))
        tensors = Tensors(reply.body)
        return {name.removeprefix("weights/"): tensors[name] for name in tensors}

    async def summary(self) -> Summary:
        """Return the graph (`nodes`, `edges`, `inputs`, `outputs`), and by layer the plan for a batch of one."""
        graph = (await self.sender.ask(Call("GET", path_of(self.name)))).json()
        try:
            planned = (await self.plan()).facts
        except Invalid:  # its shapes follow from the inputs of each run
            planned = {"layers": graph["nodes"]}
        return Summary({**planned, **graph})

    async def picture(self, /, inputs: Inputs, layers: Selectors = None, **options: Any) -> Picture:
        """Return layers as a PNG: contact sheets, or one `channel`; `cmap`, `normalize`, `upscale`, and views."""
        asked = Asked("activations", input_parts(inputs), {**options, "layers": layers})
        return Picture.of(await self.sender.ask(call_of(self.name, asked, PNG)))

    async def stream(
        self, /, inputs: Inputs, layers: Selectors = None, *, views: Views = None, edits: Edits = None, **options: Any
    ) -> AsyncGenerator[Layer, None]:
        """Run the model and yield each layer as it is ready, with its `array`."""
        options = {"data": "base64", **options, **(views or {}), "layers": layers, "edits": edits}
        asked = Asked("activations", input_parts(inputs), options)
        async for row in self.sender.lines(call_of(self.name, asked, JSON_LINES)):
            if "address" in row:  # not the head of the reply
                yield Layer(row)

    async def _run(self, asked: Asked, max_bytes: int | None = None) -> AsyncRun:
        tensors = Tensors((await self.sender.ask(call_of(self.name, asked, SAFETENSORS, max_bytes))).body)
        run = AsyncRun(tensors.facts, tensors, asked)
        run.sender = self.sender
        return run

    async def _facts(self, path: str, inputs: Inputs, options: Mapping[str, Any]) -> Any:
        return (await self.sender.ask(call_of(self.name, Asked(path, input_parts(inputs), options)))).json()

    async def _limit(self, inputs: Inputs, asked: Mapping[str, Any], most: int) -> int | None:
        """Return None if the plan says that the arrays are within a budget; where sizes are free it cannot, and the
        budget is that of the reply. Raises OverBudget.
        """
        shapes = (await self.sender.ask(Call("GET", path_of(self.name)))).json()["inputs"]
        if not shapes:  # they follow from the inputs of each run
            return most
        batch = batch_of(inputs, {name: row["shape"] for name, row in shapes.items()})
        views = {name: asked[name] for name in VIEWS if name in asked}
        planned = await self.plan(batch, asked["layers"], views=views)
        if planned.reply_bytes is None:
            return most
        total = planned.reply_bytes + (planned.weight_bytes if asked.get("weights") else 0)
        if total > most:
            largest = sorted(planned.layers.values(), key=lambda layer: -_bytes(layer))[:3]
            named = ", ".join(f"{layer['address']} {_bytes(layer):,}" for layer in largest)
            advice = "ask for fewer layers, a view (reduce, slice, dtype) or fewer items, or allow more"
            over = f"the arrays would have {total:,} bytes, over max_bytes={most:,}"
            raise OverBudget(f"{advice}: {over}; the largest: {named}")
        return None


def _bytes(layer: Layer) -> int:
    return int((layer.get("view") or layer)["bytes"] or 0)


class Run(RunReport):
    """A run, whose layers the service draws on demand."""

    def __init__(self, core: AsyncRun) -> None:
        super().__init__(core.facts, core.tensors, core.asked)
        self.core = core

    picture = waiting(AsyncRun.picture, same)

    def _repr_html_(self) -> str:
        return html.run(self, None if self.is_random else partial(self.picture, **self.first_item))


class Model(Named):
    """A registered model, by its name or id, with the verbs of AsyncModel. Nothing is asked until a verb is."""

    def __init__(self, core: AsyncModel) -> None:
        self.core, self.name = core, core.name

    activations = waiting(AsyncModel.activations, Run)
    explain = waiting(AsyncModel.explain, Run)
    compare = waiting(AsyncModel.compare, same)
    diagnose = waiting(AsyncModel.diagnose, same)
    arithmetic = waiting(AsyncModel.arithmetic, same)
    plan = waiting(AsyncModel.plan, same)
    weights = waiting(AsyncModel.weights, same)
    summary = waiting(AsyncModel.summary, same)
    picture = waiting(AsyncModel.picture, same)
    stream = streamed(AsyncModel.stream)

    def __repr__(self) -> str:
        return f"<Model {self.name} at {self.core.sender.url}>"

    def _repr_html_(self) -> str:
        return html.model(self.summary())

"""Comparisons of two runs, for inline and registered models."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.explaining.comparing.joining import Pair
from models.explaining.comparing.selecting import selected_pairs
from models.explaining.questions import Comparison
from models.networks.view_selection import views_of
from service.engines.request_builders import RunOf, RunSpec, source_of
from service.handlers.asked import Asked, OtherRun, edits_of
from service.handlers.compared_sides import A, B, Side, under
from service.handlers.donors import with_donated
from service.handlers.runs import RunRequest, Ways, respond
from service.options.comparison import ComparisonOptions
from service.requests.body import THREAD_BYTES
from service.requests.decode_memory import MemoryShare
from service.requests.inputs import ResolvedInputs, resolve
from service.responses.activations import infos, input_json
from service.state import State
from service.wire.format import Format, Kind
from service.wire.formats import NPY
from service.wire.npy import check_one_tensor


class CompareRuns:
    """A request for a comparison: resolves the inputs of its sides, and says what it asks of an engine."""

    def __init__(
        self,
        request: Request,
        state: State,
        run: RunRequest[ComparisonOptions],
        sides: tuple[Side, Side],
        share: MemoryShare,
    ) -> None:
        self.request, self.state, self.run, self.share = request, state, run, share
        self.a, self.b = sides

    async def response(self) -> Response:
        """Run both sides, and build the response."""
        ways = Ways(other=self.b.model, resolve=lambda: self._resolved(self.a))
        return await respond(self.request, self.state, self.a.model, self.run, self.share, self._ask, ways)

    async def _resolved(self, side: Side) -> ResolvedInputs:
        """Decode the inputs of a side, on a thread if they are large or images."""
        options = self.run.options.model_copy(update={"edits": side.edits})
        on_thread = self.run.size > THREAD_BYTES or side.payload.has_images
        arguments = (side.model.architecture, side.payload, options, self.state.settings, self.share)
        with under(side, side.inputs_at):
            resolved = await self.share.run(resolve, *arguments, on_thread=on_thread)
        if not side.edits:
            return resolved
        scope = self.request.scope
        with under(side, side.edits_at):
            return await with_donated(scope, self.state, side.model, resolved, options, self.share)

    async def _ask(self, resolved: ResolvedInputs, options: ComparisonOptions, format: Format) -> Asked:
        other = await self._second(resolved)
        pairs = await run_in_threadpool(selected_pairs, resolved.network, other.network, options.layers, options.pairs)
        both = [pair for pair in pairs if pair.a is not None and pair.b is not None]
        if format is NPY:
            check_one_tensor([str(pair.a) for pair in both], False)
        data = format.kind is not Kind.JSON or options.data != "none"
        outputs = tuple(str(pair.a) for pair in both)
        views = views_of(resolved.network, outputs, options.views())
        spec = _spec(self.a, resolved, outputs, data=data, stats=bool(options.stats), views=views)
        second = self._other_run(other, _spec(self.b, other, tuple(str(pair.b) for pair in both)))
        return Asked(spec, _question(pairs, options), second)

    async def _second(self, resolved: ResolvedInputs) -> ResolvedInputs:
        """Return the inputs of the second side: those of the first if it says nothing else of them."""
        a, b = self.a, self.b
        if b.model is a.model and b.payload is a.payload and b.edits is a.edits:
            return resolved
        return await self._resolved(b)

    def _other_run(self, resolved: ResolvedInputs, spec: RunSpec) -> OtherRun:
        network, model = resolved.network, self.b.model
        source, names = source_of(network, model.weights), [*network.inputs, *spec.edit_arrays]
        inputs = {
            name: input_json(name, info, resolved.preprocessing)
            for name, info in infos(network.inputs, resolved.arrays).items()
        }
        members = {"b": {"model": {"id": source.key, "name": model.name}, "inputs": inputs}}
        return OtherRun(RunOf(source, names, (*resolved.arrays, *spec.edit_arrays.values()), spec), network, members)


def _spec(side: Side, resolved: ResolvedInputs, outputs: tuple[str, ...], **options: Any) -> RunSpec:
    with under(side, side.edits_at):
        edits, arrays = edits_of(resolved, outputs)
    values = {"data": False, **options}
    return RunSpec(outputs, training=side.training, policy=side.policy, edits=edits, edit_arrays=arrays, **values)


def _question(pairs: list[Pair], options: ComparisonOptions) -> Comparison:
    close = options.tolerance
    tolerance = None if close is None else (close.rtol, close.atol)
    return Comparison(tuple((pair.a, pair.b) for pair in pairs), tolerance, options.weights, (A, B))

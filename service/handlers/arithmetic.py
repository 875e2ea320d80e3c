"""The arithmetic of one element, for inline and registered models."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from models.explaining.elements import parse_element
from models.explaining.questions import Arithmetic
from models.networks.view_selection import views_of
from service.engines.request_builders import RunSpec
from service.handlers.asked import Asked
from service.handlers.runs import RunRequest, respond
from service.options.arithmetic import ArithmeticOptions
from service.registry.model import Model
from service.requests.decode_memory import MemoryShare
from service.requests.inputs import ResolvedInputs
from service.state import State
from service.wire.format import Format, Kind
from service.wire.formats import NPY
from service.wire.npy import check_one_tensor


async def arithmetic(
    request: Request, state: State, model: Model, run: RunRequest[ArithmeticOptions], share: MemoryShare
) -> Response:
    """Explain how one number came about, and build the response."""
    return await respond(request, state, model, run, share, _ask)


async def _ask(resolved: ResolvedInputs, options: ArithmeticOptions, format: Format) -> Asked:
    options.check()
    network = resolved.network
    element, inputs = parse_element(network, options.of), tuple(network.inputs)
    if format is NPY:
        check_one_tensor(inputs, options.weights)
    spec = RunSpec(
        outputs=(element.address,),
        data=format.kind is not Kind.JSON or options.data != "none",
        stats=options.stats if options.stats is not None else format.kind is Kind.JSON,
        views=views_of(network, inputs, options.views()),
    )
    return Asked(spec, Arithmetic(element))

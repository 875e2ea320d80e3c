"""Diagnoses of a run, for inline and registered models."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from models.explaining.questions import Diagnosis
from service.engines.request_builders import RunSpec
from service.handlers.asked import Asked, edits_of
from service.handlers.runs import RunRequest, Ways, respond
from service.options.diagnosis import DiagnosisOptions
from service.registry.model import Model
from service.requests.decode_memory import MemoryShare
from service.requests.inputs import ResolvedInputs
from service.requests.selection import selection_of
from service.state import State
from service.wire.format import Format
from service.wire.formats import JSON

WAYS = Ways(formats=(JSON,))


async def diagnoses(
    request: Request, state: State, model: Model, run: RunRequest[DiagnosisOptions], share: MemoryShare
) -> Response:
    """Run a model on the inputs, and say what the findings see in its layers."""
    return await respond(request, state, model, run, share, _ask, WAYS)


async def _ask(resolved: ResolvedInputs, options: DiagnosisOptions, format: Format) -> Asked:  # noqa: ARG001
    outputs, _ = await selection_of(resolved.network, options.layers, {})
    edits, arrays = edits_of(resolved, outputs)
    return Asked(RunSpec(outputs, data=False, edits=edits, edit_arrays=arrays), Diagnosis())

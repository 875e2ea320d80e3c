"""The two sides of a comparison: their models, inputs and options, with the second's completed by the first's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from models.errors import InvalidDocument, InvalidOption, LayerscopeError, NotFound, shown
from models.limits import NAME
from service.handlers.runs import RunRequest
from service.options.comparison import ComparisonOptions, SideOptions, side_of
from service.options.field_names import MODEL
from service.registry.checkout import checkout
from service.registry.model import Model, inline_model
from service.requests.payload import InputPayload
from service.state import State

A, B = "/a", "/b"
"""JSON pointers to the sides in a request."""
ID = "sha256:"


@dataclass(frozen=True)
class Side:
    """One side: its model, and what it is run on. `at` is its pointer in the request, `inputs_at` and `edits_at` are
    those of what has its inputs and edits: itself, the first side, or the request.
    """

    at: str
    model: Model
    payload: InputPayload
    inputs_at: str
    training: bool
    edits: list[Any] | None
    edits_at: str
    policy: str | None


@asynccontextmanager
async def compared_sides(
    state: State, run: RunRequest[ComparisonOptions], registered: Model | None = None
) -> AsyncIterator[tuple[Side, Side]]:
    """Yield both sides of a request; `registered` is the model that its path names. Models of the store stay in place
    until the block ends.

    Raises:
        InvalidOption: a side has an unknown field, or one that the request has beside it.
        InvalidDocument: a model is missing, or there is none of the name.
    """
    first, second = side_of(run.options.a or {}, A), side_of(run.options.b, B)
    _check_once(run, first, is_registered=registered is not None)
    async with AsyncExitStack() as stack:
        model = registered
        if model is None:
            raw, pointer = (run.model, f"/{MODEL}") if first.model is None else (first.model, f"{A}/{MODEL}")
            model = await _model(stack, state, raw, pointer)
        a = _first(model, run, first)
        yield a, await _second(stack, state, a, second)


def _first(model: Model, run: RunRequest[ComparisonOptions], own: SideOptions) -> Side:
    payload, inputs_at = (run.take_payload(), "") if own.inputs is None else (InputPayload(inputs=own.inputs), A)
    edits, edits_at = (run.options.edits, "") if own.edits is None else (own.edits, A)
    return Side(A, model, payload, inputs_at, bool(own.training), edits, edits_at, own.dtype)


async def _second(stack: AsyncExitStack, state: State, a: Side, own: SideOptions) -> Side:
    """Return the first side with what the second says otherwise."""
    side = replace(a, at=B)
    if own.model is not None:
        side = replace(side, model=await _model(stack, state, own.model, f"{B}/{MODEL}"))
    if own.inputs is not None:
        side = replace(side, payload=InputPayload(inputs=own.inputs), inputs_at=B)
    if own.edits is not None:
        side = replace(side, edits=own.edits or None, edits_at=B)
    training = side.training if own.training is None else own.training
    return replace(side, training=training, policy=own.dtype or side.policy)


async def _model(stack: AsyncExitStack, state: State, raw: Any, pointer: str) -> Model:
    """Return a model of the request, or the registered one of this name or id."""
    if not isinstance(raw, str) or not (NAME.fullmatch(raw) or raw.startswith(ID)):
        return await inline_model(state.store, raw, state.resolver.read, pointer=pointer)
    try:
        return (await stack.enter_async_context(checkout(state.store, raw))).model
    except NotFound as error:
        advice = error.problems[0].suggestion if error.problems else None
        message, expected = "there is no registered model of this name", "a document, or the name of a registered model"
        raise InvalidDocument.at(pointer, message, expected, shown(raw), advice) from None


def _check_once(run: RunRequest[ComparisonOptions], first: SideOptions, is_registered: bool) -> None:
    """Check that nothing is there both in the first side and beside it."""
    if is_registered and (first.model is not None or run.model is not None):
        pointer = f"{A}/{MODEL}" if first.model is not None else f"/{MODEL}"
        message, advice = "the first model is named by the path", 'leave it out; the second is "b": {"model": …}'
        raise InvalidOption.at(pointer, message, "no model", "a model", advice)
    beside = {
        MODEL: run.model is not None,
        "inputs": not run.payload.is_empty,
        "edits": run.options.edits is not None,
    }
    for name, is_beside in beside.items():
        if is_beside and getattr(first, name) is not None:
            message = f"{name} is given twice, in a and beside it"
            raise InvalidOption.at(f"{A}/{name}", message, "one of them", "both", "leave one out")


@contextmanager
def under(side: Side, pointer: str) -> Iterator[None]:
    """Prefix the pointers of errors in the block with `pointer`, those of the document with that of the side: they are
    mapped to its place later.
    """
    try:
        yield
    except InvalidDocument as error:
        raise error.under(side.at) from None
    except LayerscopeError as error:
        raise error.under(pointer) from None

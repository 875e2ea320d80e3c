"""Edits that take values of a run on another input: that run comes first, and the edit sets what it returned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from models.errors import InvalidOption, LayerscopeError, shown
from models.ipc.arrays import array_of
from models.networks.network import Network
from models.networks.selectors import matches
from models.tensors.dtypes import Array
from service.engines.request_builders import RunSpec, run_request, source_of
from service.handlers.asked import Asked
from service.handlers.pricing import charged_run
from service.options.activation import InputOptions
from service.registry.model import Model
from service.requests.decode_memory import MemoryShare
from service.requests.inputs import ResolvedInputs, resolve
from service.requests.payload import InputPayload
from service.state import State

DONATED = ":donated/{}"
"""The name of the tensor that an entry is given; no posted tensor has it."""
FIELDS = {"inputs", "address"}


async def with_donated(  # noqa: PLR0913, PLR0917 (all that a run needs)
    scope: Any, state: State, model: Model, resolved: ResolvedInputs, options: InputOptions, share: MemoryShare
) -> ResolvedInputs:
    """Return the inputs with edits whose values are known: `{"patch": {"inputs": T, "address": …}}` becomes `set`.

    Raises:
        InvalidOption, InvalidTensor, UnknownAddress: an entry has other fields, inputs or address than a run.
    """
    edits, others = [], dict(resolved.others)
    for number, entry in enumerate(options.edits or ()):
        patch = entry.get("patch") if isinstance(entry, Mapping) else None
        if not isinstance(patch, Mapping) or "item" in patch:
            edits.append(entry)
            continue
        pointer, name = f"/edits/{number}/patch", DONATED.format(number)
        others[name] = await _donated(scope, state, model, patch, options, share, pointer)
        edits.append({key: value for key, value in entry.items() if key != "patch"} | {"set": {"tensor": name}})
    return replace(resolved, others=others, edits=edits)


async def _donated(  # noqa: PLR0913, PLR0917 (all that a run needs)
    scope: Any,
    state: State,
    model: Model,
    patch: Mapping[str, Any],
    options: InputOptions,
    share: MemoryShare,
    pointer: str,
) -> Array:
    """Return the tensor of another run at an address."""
    if set(patch) != FIELDS or not isinstance(patch["address"], str):
        expected = '{"item": number} or {"inputs": tensors, "address": address}'
        raise InvalidOption.at(pointer, "this is no patch", expected, shown(patch))
    try:
        payload = InputPayload(inputs=patch["inputs"])
        donor = await share.run(
            resolve, model.architecture, payload, options.model_copy(update={"edits": None}), state.settings, share,
            on_thread=False,
        )  # fmt: skip
    except LayerscopeError as error:
        raise error.under(pointer) from None
    spec = RunSpec(outputs=(_address(donor.network, patch["address"], f"{pointer}/address"),))
    async with charged_run(scope, state, donor.network, donor.arrays, Asked(spec)):
        source = source_of(donor.network, model.weights)
        pending = await state.engines.submit(
            run_request(source, list(donor.network.inputs), donor.arrays, state.settings, spec)
        )
    result = await pending.header
    (tensor,) = await pending.all_tensors()
    return array_of(result.tensors[0], tensor).copy()


def _address(network: Network, word: str, pointer: str) -> str:
    """Return the one tensor of an address."""
    found = matches(network, word, pointer)
    if len(found) > 1:
        raise InvalidOption.at(pointer, "a patch is of one tensor", "an address", shown(word), f'write "{found[0]}"')
    return found[0]

"""Outputs of an inference: tensors by address, and the view of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from models.errors import InvalidOption, LayerscopeError, UnknownAddress, shown
from models.networks.network import Network
from models.networks.selectors import is_glob, matches
from models.networks.view_selection import PARSERS, views_of
from models.views.labels import Names
from models.views.view import View
from service.open_inference.request import InferRequest, OutputParameters, RequestedOutput


@dataclass(frozen=True)
class RequestedTensor:
    """Requested output. `name` is the client's spelling of its address, and its name in the reply."""

    name: str
    address: str
    view: View
    binary: bool
    classes: int | None
    pointer: str
    labels: Names | None = None
    """The class labels of the tensor, before its view."""


def requested_tensors(network: Network, request: InferRequest) -> tuple[RequestedTensor, ...]:
    """Return the outputs in the requested order; by default the model's own.

    Raises:
        UnknownAddress: a name is not an address, or matches several tensors.
        InvalidOption: a tensor is requested twice, or a view is not valid.
    """
    outputs = request.outputs or [_default_output(address) for address in dict.fromkeys(network.outputs)]
    addresses = [_address(network, output.name, f"/outputs/{number}/name") for number, output in enumerate(outputs)]
    _check_once(outputs, addresses)
    request_views = _request_views(network, addresses, request)
    return tuple(
        _requested_tensor(output, address, request_views.get(address, View()), request, f"/outputs/{number}")
        for number, (output, address) in enumerate(zip(outputs, addresses, strict=True))
    )


def _default_output(address: str) -> RequestedOutput:
    """Return the request for an output of the model, whose address may be longer than the limit for clients."""
    return RequestedOutput.model_construct(name=address, parameters=OutputParameters())


def _address(network: Network, name: str, pointer: str) -> str:
    if is_glob(name) or name.startswith("type:"):
        message = "an output is one tensor; patterns are for /v1"
        raise UnknownAddress.at(pointer, message, expected="an address", received=shown(name))
    return matches(network, name, pointer)[0]


def _check_once(outputs: Sequence[RequestedOutput], addresses: Sequence[str]) -> None:
    for number, address in enumerate(addresses):
        if address in addresses[:number]:
            message = f"{address} is asked for twice"
            pointer = f"/outputs/{number}/name"
            raise InvalidOption.at(pointer, message, expected="each tensor once", received=shown(outputs[number].name))


def _request_views(network: Network, addresses: Sequence[str], request: InferRequest) -> Mapping[str, View]:
    """Return the views from the parameters of the whole request."""
    try:
        return views_of(network, addresses, request.parameters.views())
    except LayerscopeError as error:
        raise error.under("/parameters") from None


def _requested_tensor(
    output: RequestedOutput, address: str, request_view: View, request: InferRequest, pointer: str
) -> RequestedTensor:
    parameters, parent = output.parameters, f"{pointer}/parameters"
    views = {name: PARSERS[name](value, f"{parent}/{name}") for name, value in parameters.views().items()}
    view = replace(request_view, **views)
    view.check()
    if parameters.classification is not None and (view.top or view.histogram or view.dtype):
        message = "classes are made of a tensor's own values"
        raise InvalidOption.at(
            f"{parent}/classification", message, expected="slice and reduce at most", received="another view"
        )
    return RequestedTensor(
        output.name, address, view, _is_binary(parameters, request), parameters.classification, pointer
    )


def _is_binary(parameters: OutputParameters, request: InferRequest) -> bool:
    return request.parameters.binary_data_output if parameters.binary_data is None else parameters.binary_data

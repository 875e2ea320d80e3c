"""What an inference asks for: tensors by address, and what is made of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from models.errors import InvalidOption, LayerscopeError, Problem, UnknownAddress, shown
from models.networks.network import Network
from models.networks.selectors import is_glob, matches
from models.networks.view_selection import PARSERS, views_of
from models.views.view import View
from service.open_inference.request import InferRequest, OutputParameters, RequestedOutput


@dataclass(frozen=True)
class RequestedTensor:
    """One output. `name` is the client's spelling of its address, and what the reply calls it."""

    name: str
    address: str
    view: View
    binary: bool
    classes: int | None
    pointer: str


def requested_tensors(network: Network, request: InferRequest) -> tuple[RequestedTensor, ...]:
    """The outputs in the order asked for; the model's own where none are.

    Raises:
        UnknownAddress: a name is no address, or means several tensors.
        InvalidOption: a tensor is asked for twice, or a view makes no sense.
    """
    asked = request.outputs or [_own(address) for address in dict.fromkeys(network.outputs)]
    addresses = [_address(network, output.name, f"/outputs/{number}/name") for number, output in enumerate(asked)]
    _check_once(asked, addresses)
    general = _general(network, addresses, request)
    return tuple(
        _wanted(output, address, general.get(address, View()), request, f"/outputs/{number}")
        for number, (output, address) in enumerate(zip(asked, addresses, strict=True))
    )


def _own(address: str) -> RequestedOutput:
    """An output of the model's. Its address may be longer than one that is sent."""
    return RequestedOutput.model_construct(name=address, parameters=OutputParameters())


def _address(network: Network, name: str, pointer: str) -> str:
    if is_glob(name) or name.startswith("type:"):
        message = "an output is one tensor; patterns are for /v1"
        raise UnknownAddress("", [Problem(pointer, message, "an address", shown(name))])
    return matches(network, name, pointer)[0]


def _check_once(asked: Sequence[RequestedOutput], addresses: Sequence[str]) -> None:
    for number, address in enumerate(addresses):
        if address in addresses[:number]:
            message = f"{address} is asked for twice"
            pointer = f"/outputs/{number}/name"
            raise InvalidOption("", [Problem(pointer, message, "each tensor once", shown(asked[number].name))])


def _general(network: Network, addresses: Sequence[str], request: InferRequest) -> Mapping[str, View]:
    """The views that the request's own parameters give."""
    try:
        return views_of(network, addresses, request.parameters.views())
    except LayerscopeError as error:
        raise error.under("/parameters") from None


def _wanted(
    output: RequestedOutput, address: str, general: View, request: InferRequest, pointer: str
) -> RequestedTensor:
    given, place = output.parameters, f"{pointer}/parameters"
    view = replace(general, **{name: PARSERS[name](value, f"{place}/{name}") for name, value in given.views().items()})
    view.check()
    if given.classification is not None and (view.top or view.histogram or view.dtype):
        message = "classes are made of a tensor's own values"
        raise InvalidOption(
            "", [Problem(f"{place}/classification", message, "slice and reduce at most", "another view")]
        )
    return RequestedTensor(output.name, address, view, _is_binary(given, request), given.classification, pointer)


def _is_binary(given: OutputParameters, request: InferRequest) -> bool:
    return request.parameters.binary_data_output if given.binary_data is None else given.binary_data

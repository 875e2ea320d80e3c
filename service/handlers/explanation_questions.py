"""Questions for explanations, made of the options of a request."""

from __future__ import annotations

from typing import Any

from models.errors import InvalidOption, LayerscopeError
from models.errors.suggestions import Words
from models.explaining.dependence import check_dependence
from models.explaining.methods import methods
from models.explaining.methods.method import Method
from models.explaining.questions import Explanation
from models.explaining.targets import Target, parse_target
from models.networks.network import Network
from models.networks.selectors import select
from service.options.activation import options_from
from service.options.explanation import ExplanationOptions, TargetedOptions

WORDS = Words({"": tuple(ExplanationOptions.model_fields)})


def planned_explanation(network: Network, raw: dict[str, Any] | None) -> Explanation | None:
    """Return the explanation that a request for a plan has the options of; problems point into them.

    Raises:
        InvalidOption, UnknownAddress: as `explanation_of`.
    """
    if raw is None:
        return None
    try:
        return explanation_of(network, options_from(ExplanationOptions, raw, words=WORDS))
    except LayerscopeError as error:
        raise error.under("/explanation") from None


def explanation_of(network: Network, options: TargetedOptions) -> Explanation:
    """Return the question that options ask of a network.

    Raises:
        UnknownAddress, InvalidOption: they name no number of it, or an address that the number does not depend on.
    """
    knobs, target = options.knobs(), parse_target(network, options.target())
    to = _addresses(network, methods()[options.method], target, options)
    return Explanation(target, to, options.method, knobs, options.resized or options.overlay)


def _addresses(network: Network, method: Method, target: Target, options: TargetedOptions) -> tuple[str, ...]:
    """Return the addresses to explain by; none where the method chooses one by its shape.

    Raises:
        UnknownAddress: the target does not depend on one.
        InvalidOption: a view is asked for of an address that is chosen later.
    """
    if options.to is not None:
        to = select(network, options.to, "/to")
    elif (default := method.default_to(network)) is not None:
        to = tuple(default)
    else:
        _refuse_views(options)
        return ()
    check_dependence(network, target, to)
    return to


def _refuse_views(options: TargetedOptions) -> None:
    for name, value in options.views().items():
        if value is not None:
            message = f"{options.method} chooses its layer itself, and a view is of a layer that is named"
            raise InvalidOption.at(f"/{name}", message, "to, with the address of a layer", name)

"""A network under another dtype policy: as if Keras' global policy had been this one when its layers were made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from models.documents.document import Document, canonical
from models.layers import CATALOGUE
from models.layers.encoding import Discretization, HashedCrossing, Hashing, IntegerLookup
from models.layers.layer import Layer
from models.layers.operations import Operation
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_canonical

Policy = Literal["float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
"""Keras' names of floating-point policies: the dtype of weights and results, or half precision with float32 weights."""
OF_IDS = (Discretization, HashedCrossing, Hashing, IntegerLookup)
"""Layers that return integers, whatever the policy."""


def under_policy(network: Network, policy: str) -> Network:
    """Return the network with every layer of floats under a policy, also those that name another one: Keras writes the
    policy of each layer out. Inputs keep their dtypes, which layers cast to their own; operations compute in those of
    what they read.

    Raises:
        InvalidDocument: a layer does not exist under it.
    """
    document = network.document
    changed: Document = parse_canonical(_changed(canonical(document), policy))
    return expand(changed)


def _changed(value: Any, policy: str) -> Any:
    if isinstance(value, list):
        return [_changed(item, policy) for item in value]
    if not isinstance(value, Mapping):
        return value
    changed = {key: _changed(item, policy) for key, item in value.items()}
    return {**changed, "dtype": policy} if _is_of_floats(value) else changed


def _is_of_floats(value: Mapping[str, Any]) -> bool:
    """Whether this is the canonical form of a layer with a policy of floats."""
    cls = CATALOGUE.get(str(value.get("type"))) if "dtype" in value else None
    return cls is not None and _takes_policy(cls) and value["dtype"] in (None, *POLICIES)


def _takes_policy(cls: type[Layer]) -> bool:
    return not issubclass(cls, (Operation, *OF_IDS)) and "dtype" not in cls.not_taken

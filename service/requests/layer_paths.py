"""Resolution of an address in the weights routes to layers."""

from __future__ import annotations

from urllib.parse import quote

from models.errors import NotFound, did_you_mean, shown
from models.networks.aliases import address_of_alias
from models.networks.network import Network


def layer_paths(network: Network, address: str) -> tuple[str, ...]:
    """Return the paths of the layers at an address; calls of a shared layer share their weights.

    Raises:
        NotFound: with the most similar address.
    """
    paths = _paths_at(network, address)
    if not paths:
        known = [node.address for node in network.calls]
        alias = address_of_alias(address, known)
        if alias is not None:
            return _paths_at(network, alias)
        near = did_you_mean(address, known)
        raise NotFound.at(
            "",
            "there is no layer at this address",
            expected=f"one of {', '.join(known[:20])}",
            received=shown(address),
            suggestion=f'use "{quote(near, safe="/@:")}"' if near else None,
        )
    return paths


def _paths_at(network: Network, address: str) -> tuple[str, ...]:
    """Return the paths of the layers at an address, or in the block there; none if there is none."""
    below = address + "/"
    matching = [
        node.path
        for node in network.nodes
        if address in (node.path, node.address, *node.outputs)
        or node.path.startswith(below)
        or node.address.startswith(below)
    ]
    blocks = {node.path for node in network.nodes if node.is_block} - {
        node.path for node in network.nodes if node.owns_weights
    }
    return tuple(path for path in dict.fromkeys(matching) if path not in blocks)

"""The masks that Keras itself passes from layer to layer, which no address names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras.src.backend import get_keras_mask  # private: pinned, and covered by tests

from models.engine.arrays import as_array
from models.engine.build import BuiltModel
from models.engine.compiled import eager_tensor
from models.engine.network_pass import NetworkPass
from models.layers.core import Masking
from models.networks.network import Node


def implicit_mask(model: BuiltModel, node: Node, inputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Return the mask that the first input of a call carries; None without one. If a layer before it makes masks, the
    network is run again up to there, layer by layer.
    """
    before = model.symbolic.needed(node.inputs)
    if not any(_makes_mask(one) for one in before):
        return None
    masks: dict[str, Any] = {}

    def remember(address: str, tensor: Any) -> Any:
        masks[address] = get_keras_mask(tensor)
        return tensor

    tensors = {name: eager_tensor(array) for name, array in inputs.items()}
    NetworkPass(model.symbolic, False, (), remember).compute(before, 0, tensors)
    mask = masks.get(node.inputs[0])
    return None if mask is None else as_array(mask)


def _makes_mask(node: Node) -> bool:
    return isinstance(node.layer, Masking) or bool(getattr(node.layer, "mask_zero", False)) or bool(node.masks)

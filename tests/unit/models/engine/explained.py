"""Explanations of Keras models by an engine of this process, with the weights that it drew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from acceptance import keras_reference
from models.engine.analysis import answer
from models.engine.execution import EngineLimits, Execution
from models.explaining.editing import Edit
from models.explaining.methods import methods
from models.explaining.questions import Explanation
from models.explaining.targets import TargetOptions, parse_target
from models.ipc.arrays import array_of
from models.ipc.messages import Analyse, Run, TensorInfo
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_document
from models.tensors.dtypes import DTYPES, Array

LIMITS = EngineLimits(1 << 30, 1 << 30)


class Explained(NamedTuple):
    """The tensors of a reply by name, and its other members."""

    tensors: dict[str, Array]
    facts: Mapping[str, Any]


class Subject:
    """A network, and an engine that has built it."""

    def __init__(self, document: Any, limits: EngineLimits = LIMITS) -> None:
        self.network: Network = expand(parse_document(document))
        self.execution = Execution(limits, 1 << 30)

    def run_of(self, inputs: Mapping[str, Array], to: Sequence[str], **options: Any) -> Run:
        """Return the run that a question is about."""
        infos = tuple(TensorInfo(name, one.dtype.name, one.shape, one.nbytes) for name, one in inputs.items())
        values: dict[str, Any] = {
            "data": True, "stats": False, "weights": False, "training": False, "max_bytes": 1 << 30, "max_macs": 10**12,
        }  # fmt: skip
        return Run(1, "key", self.network.document_bytes, infos, (), tuple(to), **{**values, **options})

    def explain(  # noqa: PLR0913, PLR0917 (the options of a request)
        self, inputs: Mapping[str, Array], to: Sequence[str] | None = None, method: str = "gradient",
        weights: bool = False, max_macs: int = 10**12, of: Any = None, minus: Any = None, sign: int = 1,
        edits: tuple[Edit, ...] = (), **knobs: Any,
    ) -> Explained:  # fmt: skip
        """Explain a number of the network."""
        target = parse_target(self.network, TargetOptions(of, minus, sign))
        addresses = to if to is not None else methods()[method].default_to(self.network) or ()
        run = self.run_of(inputs, addresses, weights=weights, max_macs=max_macs, edits=edits)
        question = Explanation(target, tuple(addresses), method, knobs)
        result = answer(self.execution, Analyse(1, (run,), question), [list(inputs.values())])
        pairs = zip(result.tensors, result.buffers, strict=True)
        return Explained({info.name: array_of(info, buffer) for info, buffer in pairs}, result.facts)

    def weights_of(self, path: str) -> list[Array]:
        """Return the weights of one layer, in Keras' order."""
        model, _ = self.execution.model(self.run_of({}, ()))
        return [
            np.asarray(weight.value.numpy(), DTYPES[weight.dtype]) for weight in model.symbolic.layers[path].weights
        ]

    def copy_weights(self, model: keras.Model) -> None:
        """Give a Keras model the weights of the engine's."""
        self.execution.model(self.run_of({}, ()))
        keras_reference.set_weights(model, self.weights_of)

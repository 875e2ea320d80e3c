"""From a network's inputs to the requested tensors: layer by layer at first, then as one compiled function. A large one
is compiled between requests, part by part: what is not yet runs layer by layer.

It is traced with a free batch (Keras broadcasts wrongly when traced with a batch of one), pruned to the deepest
requested tensor, and cannot change the model: every layer runs inside a `keras.StatelessScope` on the current
weights, so that training mode updates go to the reply.
Both ways give the same bits, because no optimiser rewrites the function (decision 0008).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any

import keras
import tensorflow as tf

from models.engine import gpu
from models.engine.background import Background, Pause, Work
from models.engine.batch_axes import batch_first
from models.engine.compiled import Compiled, eager_tensor
from models.engine.heap import held_bytes
from models.engine.network_pass import NetworkPass
from models.engine.partition import PART_CALLS, Part, single_part, split_parts
from models.engine.run_errors import KERNEL_ERRORS, check_training, value_error
from models.engine.symbolic_network import SymbolicNetwork
from models.errors import InvalidDocument, TooLarge
from models.networks.network import Node

MANY = 200
"""Least calls of a selection that is compiled in the background: fewer are compiled within half a second."""
OnPart = Callable[[Mapping[str, Any]], None]
"""Callback that takes the results of one part of a network, by address."""

Steps = Sequence[tuple[Part, Callable[[Sequence[Any]], list[Any]]]]
"""Parts of a network with what computes each from what it reads."""


class CompiledSelection:
    """A runnable selection. Tensors are returned in the order of `outputs`, updates in the order of `updated`.

    The first run of plain layers goes without a compiled function: six small layers take 4 ms instead of 27.

    Raises:
        InvalidOption: the layers cannot be run in training mode.
        InvalidDocument: Keras refuses a layer.
    """

    def __init__(self, symbolic: SymbolicNetwork, outputs: Sequence[str], training: bool, updates: bool) -> None:
        self.outputs = tuple(outputs)
        self._symbolic = symbolic
        self._training = training
        self._nodes = symbolic.needed(outputs)
        if training:
            check_training(self._nodes)
        self.updated: list[keras.Variable] = self._updated_variables() if updates else []
        self._weights = [
            (variable, tf.identity(variable.value)) for layer in self._layers() for variable in layer.variables
        ]
        (self._whole,) = single_part(symbolic, self._nodes, outputs)
        self._parts: list[Part] = []
        self._compiled: list[tuple[Part, Compiled]] = []
        """The functions of the first parts; in the end, of all."""
        self._work: Work[None] | None = None
        self._nbytes, self._counted = 0, 0
        self._is_plain = all(runs_directly(symbolic, node) for node in self._nodes)
        self._is_first_run = self._is_plain and not training
        self._is_large = self._is_first_run and len(self._nodes) >= MANY and not gpu.is_present()
        if not self._is_first_run:
            self._compile()

    @property
    def is_reusable(self) -> bool:
        """Whether it is compiled, and computes what any run does that is not in training mode."""
        return self._is_compiled and not self._training

    @property
    def _is_compiled(self) -> bool:
        return bool(self._compiled) and len(self._compiled) == len(self._parts)

    @property
    def nbytes(self) -> int:
        """Memory of its functions, measured when they were created and at their first run."""
        return self._nbytes + (0 if self._work is None else max(0, self._work.nbytes))

    def _compile(self) -> Steps:
        """Compile every part now."""
        before, functions = held_bytes(), list[tuple[Part, Compiled]]()
        self._parts = self._split()
        self._compile_parts(functions)
        self._compiled, self._work, self._counted = functions, None, 0
        self._nbytes = max(0, held_bytes() - before)
        return functions

    def _split(self) -> list[Part]:
        if self._training or gpu.is_present() or not self._symbolic.keeps_batch_first(self.outputs):
            return [self._whole]
        return split_parts(self._symbolic, self._nodes, self.outputs, PART_CALLS if self._is_large else inf)

    def _compile_parts(self, functions: list[tuple[Part, Compiled]], pause: Pause | None = None) -> None:
        for part in self._parts:
            functions.append((part, self._function(part, pause)))

    def _direct_steps(self, background: Background | None) -> Steps:
        """Return the steps of a run in which something is called layer by layer; none if all is compiled, or has to be:
        the second run of a small selection, and each where the background failed, which then reports the error.
        """
        if self._is_first_run:
            return [(self._whole, partial(self._call_layers, self._whole))]
        if background is None or not self._is_large or self._is_compiled or (self._work and self._work.is_done):
            return []
        if self._work is None and not background.is_busy:  # the second run, or the first that finds room
            self._parts = self._split()
            self._work = background.start(partial(self._compile_parts, self._compiled))
        compiled, parts = list(self._compiled), self._parts or [self._whole]
        return [*compiled, *((part, partial(self._call_layers, part)) for part in parts[len(compiled) :])]

    def _function(self, part: Part, pause: Pause | None) -> Compiled:
        shape, dtype = self._symbolic.shape, self._symbolic.dtype
        signature = [tf.TensorSpec(shape(name), dtype(name), name=f"i{n}") for n, name in enumerate(part.reads)]
        compute, is_inline = partial(self._compute, part, pause), self._is_chain() and not gpu.is_present()
        return Compiled(compute, signature, is_inline)

    def _is_chain(self) -> bool:
        """Whether no two nodes could run in parallel."""
        pairs = zip(self._nodes, self._nodes[1:], strict=False)
        return self._is_plain and all(node.reads == before.outputs for before, node in pairs)

    def _layers(self) -> list[keras.Layer]:
        """Return the called layers, each once."""
        return list({node.path: self._symbolic.layers[node.path] for node in self._nodes if not node.is_block}.values())

    def _updated_variables(self) -> list[keras.Variable]:
        """Return the weights that a pass in training mode updates."""
        return [weight for layer in self._layers() for weight in layer.non_trainable_weights]

    def _compute(self, part: Part, pause: Pause | None, *inputs: Any) -> list[Any]:
        tensors: dict[str, Any] = dict(zip(part.reads, inputs, strict=True))
        with keras.StatelessScope(state_mapping=self._weights) as scope:
            one_pass = NetworkPass(self._symbolic, self._training, self.outputs)
            for number, node in enumerate(part.nodes, part.first):
                if pause is not None:
                    pause()
                one_pass.compute([node], number, tensors)
            updates = [scope.get_current_value(variable) for variable in self.updated]
        return [self._written(address, tensors) for address in part.writes] + updates

    def _written(self, address: str, tensors: Mapping[str, Any]) -> Any:
        """Return a tensor as it leaves the function: what is sent has the batch first."""
        tensor, axis = tensors[address], self._symbolic.batch_axes[address]
        if address in self.outputs and not axis.is_plain:
            tensor = batch_first(tensor, axis, tf.shape(next(iter(tensors.values())))[0])
        return tf.identity(tensor)

    def run(
        self, inputs: Sequence[Any], on_part: OnPart | None = None, background: Background | None = None
    ) -> list[Any]:
        """Return the selected tensors, then the updated weights, for inputs in the order of the network, each of its
        dtype or one that NumPy casts to it safely. `on_part` is called with the results of each part, by address,
        before the next part runs. With a background, in whose request this is, a large selection is compiled there.

        Raises:
            InvalidTensor: a value is out of the range that a layer looks up.
            TooLarge: memory runs out all the same.
        """
        specs = self._symbolic.network.inputs
        tensors = {name: _as_dtype(value, specs[name].dtype) for name, value in zip(specs, inputs, strict=True)}
        direct, self._is_first_run = self._direct_steps(background), False
        if direct:
            with suppress(InvalidDocument, tf.errors.OpError):  # the compiled function reports it with our own message
                return self._run(direct, tensors, None)
        try:
            return self._run(self._compiled if self._is_compiled else self._compile(), tensors, on_part)
        except tf.errors.InvalidArgumentError as error:
            raise value_error(error, self._nodes) from error
        except tf.errors.ResourceExhaustedError as error:
            raise TooLarge("There is not enough memory for this request.") from error
        except KERNEL_ERRORS as error:
            raise InvalidDocument(
                "TensorFlow has no implementation of a layer for its dtype on this device."
            ) from error

    def _call_layers(self, part: Part, inputs: Sequence[Any]) -> list[Any]:
        return self._compute(part, None, *inputs)

    def _run(self, steps: Steps, tensors: dict[str, Any], on_part: OnPart | None) -> list[Any]:
        """Run the steps. Measure functions that run for the first time: that creates their kernels, which may keep
        weights reordered.
        """
        compiled = min(len(steps), len(self._compiled))
        if compiled <= self._counted:
            return self._run_steps(steps, tensors, on_part)
        before = held_bytes()
        results = self._run_steps(steps, tensors, on_part)
        own = sum(tensor.shape.num_elements() * tensor.dtype.size for tensor in results)
        self._nbytes, self._counted = self._nbytes + max(0, held_bytes() - before - own), compiled
        return results

    def _run_steps(self, steps: Steps, tensors: dict[str, Any], on_part: OnPart | None) -> list[Any]:
        tensors, written = dict(tensors), dict[str, Any]()
        updates: list[Any] = []
        for part, function in steps:
            if on_part is not None and written:
                on_part(written)
            results = function([tensors[address] for address in part.reads])
            written, updates = dict(zip(part.writes, results, strict=False)), results[len(part.writes) :]
            tensors.update(written)
        return [tensors[address] for address in self.outputs] + updates


def _as_dtype(value: Any, dtype: str) -> Any:
    """Return a tensor of the input's dtype; the value has it or is safely cast to it."""
    tensor = eager_tensor(value)
    return tensor if tensor.dtype.name == dtype else tf.cast(tensor, dtype)


def runs_directly(symbolic: SymbolicNetwork, node: Node) -> bool:
    """Whether a call needs no tracing."""
    return node.layer.runs_directly and not node.keywords and not node.masks and _fits_directly(symbolic, node)


def _fits_directly(symbolic: SymbolicNetwork, node: Node) -> bool:
    """Whether the inputs have shapes that a layer of this type computes directly."""
    shapes = [symbolic.shape(address) for address in node.inputs]
    if node.is_block or len({shape[1:] for shape in shapes}) == 1:
        return True
    return node.layer.broadcasts_directly and len(set(map(len, shapes))) == 1

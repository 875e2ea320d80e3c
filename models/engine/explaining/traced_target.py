"""A compiled function from tensors of a network to the scores of a target, and their gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from models.engine.activations import join_steps
from models.engine.batch_axes import batch_first
from models.engine.explaining.edited_tensors import EditedTensor, EditHook, array_specs
from models.engine.explaining.scores import Score, score, total
from models.engine.network_pass import NetworkPass
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.traced_function import TracedFunction, current_weights
from models.errors import InvalidOption
from models.explaining.targets import Target
from models.networks.network import PRE, Node


class TargetResult(NamedTuple):
    """The sum of a target's terms for each row; for each term its values and picks; and by address the values and the
    gradients.
    """

    scores: Any
    terms: list[Score]
    values: Mapping[str, Any]
    gradients: Mapping[str, Any]
    weights: Sequence[Any]
    """The gradients at the weights that are explained, of the sum of all scores."""


class TracedTarget:
    """From the tensors of the `given` addresses to a target. With `to`, the gradients there as well: every row's own,
    since rows do not mix. Without gradients it returns the tensors of `to` alone.
    """

    def __init__(  # noqa: PLR0913, PLR0917 (what tells one function from another)
        self,
        symbolic: SymbolicNetwork,
        target: Target,
        given: Sequence[str],
        to: Sequence[str],
        is_picked: bool = False,
        differentiates: bool = True,
        weights: bool = False,
        edited: Sequence[EditedTensor] = (),
    ) -> None:
        self._symbolic, self._target, self._given, self._to = symbolic, target, tuple(given), tuple(to)
        self._is_picked, self._differentiates = is_picked, differentiates
        self._edited = [one.without_values() for one in edited if one.address not in given]
        self.nodes = needed_from(symbolic, [*target.addresses, *to], given)
        self._weights = current_weights(symbolic, self.nodes)
        self.explained = weights_of(symbolic, to) if weights else []
        self._function = TracedFunction(self._compute, self._signature(), self.nodes)

    @property
    def nbytes(self) -> int:
        """Memory of its function."""
        return self._function.nbytes

    def _signature(self) -> list[tf.TensorSpec]:
        shape, dtype = self._symbolic.shape, self._symbolic.dtype
        given = [tf.TensorSpec(shape(name), dtype(name), name=f"i{n}") for n, name in enumerate(self._given)]
        indices = [tf.TensorSpec((None,), tf.int32, name=f"t{n}") for n in range(len(self._target.terms))]
        picked = [term for term in self._target.terms if term.is_argmax and self._is_picked]
        picks = [tf.TensorSpec((None,), tf.int32, name=f"p{n}") for n in range(len(picked))]
        return [*given, *indices, *picks, *array_specs(self._edited)]

    def _compute(self, *arguments: Any) -> list[Any]:
        tensors = dict(zip(self._given, arguments, strict=False))
        hook, rest = self._hook(arguments[len(self._given) :])
        watched: dict[str, list[Any]] = {}
        with tf.GradientTape(watch_accessed_variables=False) as tape, self._scope(tape) as scope:

            def watch(address: str, tensor: Any) -> Any:
                tensor = hook.change(address, tensor)
                if address not in self._to:
                    return tensor
                copy = tf.identity(tensor)  # layers that do nothing return their input itself, which others read, too
                if self._differentiates:
                    tape.watch(copy)
                watched.setdefault(address, []).append(copy)
                return copy

            places = (*self._to, *self._target.addresses, *(one.address for one in self._edited))
            recorded = [address for address in places if address.endswith(PRE)]
            one_pass = NetworkPass(self._symbolic, False, recorded, watch)
            tensors.update({name: one_pass.changed(name, tensors[name]) for name in self._given})
            one_pass.compute(self.nodes, 0, tensors)
            terms = self._terms(tensors, rest)
            scores = total(dict(zip(self._target.terms, terms, strict=True)))
            together = tf.reduce_sum(scores)
            explained = [scope.get_current_value(variable) for variable in self.explained]
        values = [self._first(address, tensors[address], tensors) for address in self._to]
        gradients = self._gradients(tape, together, watched, explained, tensors) if self._differentiates else []
        picks = [term.picks for term in terms if term.picks is not None]
        return [scores, *(term.values for term in terms), *picks, *values, *gradients]

    def _hook(self, arguments: Sequence[Any]) -> tuple[EditHook, Sequence[Any]]:
        """Return the edits with their arrays, which are the last arguments, and the arguments before."""
        count = sum(len(one.arrays) for one in self._edited)
        rest, arrays = arguments[: len(arguments) - count], iter(arguments[len(arguments) - count :])
        return EditHook(self._edited, [{name: next(arrays) for name in one.arrays} for one in self._edited]), rest

    def _scope(self, tape: tf.GradientTape) -> keras.StatelessScope:
        """Return the scope in which layers read the weights; those that are explained are watched."""
        chosen, mapping = {id(variable) for variable in self.explained}, []
        for variable, value in self._weights:
            copy = tf.identity(value) if id(variable) in chosen else value
            if copy is not value:
                tape.watch(copy)
            mapping.append((variable, copy))
        return keras.StatelessScope(state_mapping=mapping)

    def _terms(self, tensors: Mapping[str, Any], arguments: Sequence[Any]) -> list[Score]:
        terms, picks = self._target.terms, iter(arguments[len(self._target.terms) :])
        return [
            score(term, self._first(term.address, tensors[term.address], tensors), indices,
                  next(picks) if term.is_argmax and self._is_picked else None)
            for term, indices in zip(terms, arguments, strict=False)
        ]  # fmt: skip

    def _first(self, address: str, tensor: Any, tensors: Mapping[str, Any]) -> Any:
        """Return a tensor with the batch first."""
        axis = self._symbolic.batch_axes[address]
        return tensor if axis.is_plain else batch_first(tensor, axis, tf.shape(tensors[self._given[0]])[0])

    def _gradients(
        self,
        tape: tf.GradientTape,
        together: Any,
        watched: Mapping[str, list[Any]],
        explained: Sequence[Any],
        tensors: Mapping[str, Any],
    ) -> list[Any]:
        sources = [watched[address] for address in self._to]
        found, of_weights = tape.gradient(together, (sources, list(explained)))
        weights = [tf.zeros_like(weight) if one is None else tf.convert_to_tensor(one)
                   for one, weight in zip(of_weights, explained, strict=True)]  # fmt: skip
        return [*(self._gradient(number, steps, tensors) for number, steps in enumerate(found)), *weights]

    def _gradient(self, number: int, steps: Sequence[Any], tensors: Mapping[str, Any]) -> Any:
        """Return the gradient at an address; before a fused activation it has as many parts as the layer was called."""
        address = self._to[number]
        if all(step is None for step in steps):
            raise _no_gradient(address, number, self._target)
        dense = [tf.convert_to_tensor(step) for step in steps if step is not None]
        tensor = join_steps(dense, tensors[address]) if address.endswith(PRE) else dense[0]
        return self._first(address, tensor, tensors)

    def __call__(
        self,
        given: Sequence[Any],
        indices: Sequence[Any],
        picks: Sequence[Any],
        arrays: Mapping[tuple[int, str], Sequence[Any]],
    ) -> TargetResult:
        """Return the scores of rows; `arrays` are those of edits, by their places. Raises as `TracedFunction`."""
        own = [array for one in self._edited for array in arrays[one.place]]
        return self._result(self._function([*given, *indices, *picks, *own]))

    def _result(self, results: Sequence[Any]) -> TargetResult:
        scores, *rest = results
        terms, rest = rest[: len(self._target.terms)], rest[len(self._target.terms) :]
        count = sum(term.is_argmax for term in self._target.terms)
        picks, rest = iter(rest[:count]), rest[count:]
        made = [
            Score(values, next(picks) if term.is_argmax else None)
            for term, values in zip(self._target.terms, terms, strict=True)
        ]
        values, rest = dict(zip(self._to, rest, strict=False)), rest[len(self._to) :]
        gradients = dict(zip(self._to, rest, strict=False)) if self._differentiates else {}
        return TargetResult(scores, made, values, gradients, rest[len(gradients) :])


def needed_from(symbolic: SymbolicNetwork, addresses: Sequence[str], given: Sequence[str]) -> tuple[Node, ...]:
    """Return the nodes that compute these tensors from the given ones, in order."""
    known = {address for address in given if address not in symbolic.network.inputs}
    needed = {address.removesuffix(PRE) for address in addresses} - known
    chosen = []
    for node in reversed(symbolic.network.nodes):
        if needed & set(node.outputs):
            chosen.append(node)
            needed |= set(node.reads) - known
    return tuple(reversed(chosen))


def weights_of(symbolic: SymbolicNetwork, addresses: Sequence[str]) -> list[keras.Variable]:
    """Return the weights of floats of the layers that these addresses belong to, each once."""
    found: dict[int, keras.Variable] = {}
    for address in addresses:
        node = symbolic.network.node_of.get(address.removesuffix(PRE))
        layer = None if node is None else symbolic.layers.get(node.path)
        weights = layer.weights if layer is not None else ()
        found |= {id(weight): weight for weight in weights if "float" in weight.dtype}
    return list(found.values())


def inputs_beside(symbolic: SymbolicNetwork, addresses: Sequence[str], given: Sequence[str]) -> list[str]:
    """Return the inputs of the network that must be known beside given tensors to compute these."""
    read = {address for node in needed_from(symbolic, addresses, given) for address in node.reads} | set(addresses)
    return [name for name in symbolic.network.inputs if name in read and name not in given]


def _no_gradient(address: str, number: int, target: Target) -> InvalidOption:
    of = target.terms[0].address
    message = f"no gradient of {of} reaches {address}: a layer between them returns whole numbers, or cuts gradients"
    return InvalidOption.at(f"/to/{number}", message, "an address after that layer, or method occlusion", "no gradient")

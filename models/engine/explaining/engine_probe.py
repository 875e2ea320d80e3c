"""What methods of explanation ask of a built network, in passes of as many rows as fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from models.engine.arrays import as_array
from models.engine.build import BuiltModel
from models.engine.compiled import eager_tensor
from models.engine.explaining.admission import Passes
from models.engine.explaining.edited_tensors import EditedTensor
from models.engine.explaining.traced_target import TargetResult, TracedTarget, inputs_beside
from models.explaining.probe import Gradients, Inputs
from models.explaining.targets import Target
from models.networks.network import Network
from models.tensors.dtypes import DTYPES, Array


class EngineProbe:
    """A built network on the items of a request, whose inputs have their declared dtypes. `indices` are the integers of
    each term's index.
    """

    def __init__(  # noqa: PLR0913, PLR0917 (what one request consists of)
        self,
        model: BuiltModel,
        target: Target,
        to: Sequence[str],
        inputs: Inputs,
        indices: Sequence[Sequence[int]],
        passes: Passes,
        edited: Sequence[EditedTensor] = (),
    ) -> None:
        self._model, self._target, self.to, self.inputs = model, target, tuple(to), inputs
        self._indices = [eager_tensor(np.asarray(one, np.int32)) for one in indices]
        self._most, self._edited = passes, edited
        self.picks: list[Array] = []
        """By term with an argmax, the unit of each item; empty until scored."""
        self.term_values: list[Array] = []
        """By term, the value of each item; empty until scored."""

    @property
    def network(self) -> Network:
        """The network that is explained."""
        return self._model.network

    @property
    def items(self) -> int:
        """The number of items."""
        return len(next(iter(self.inputs.values())))

    def rows_with(self, moved: Inputs, item: int) -> Inputs:
        """Return these tensors, with the inputs of the item that the target is computed from beside them."""
        rows = len(next(iter(moved.values())))
        read = inputs_beside(self._model.symbolic, [*self._target.addresses, *moved], tuple(moved))
        rest = {name: np.repeat(self.inputs[name][item : item + 1], rows, axis=0) for name in read}
        return {**rest, **moved}

    def gradients(self, inputs: Inputs | None = None, items: np.ndarray | None = None) -> Gradients:
        """Return the gradients of the scores of rows at each address of `to`; those of the items without arguments."""
        given = self.inputs if inputs is None else inputs
        results = self._passes(given, items, self.to, differentiates=True)
        names = self.to
        values = {name: _joined([result.values[name] for result in results]) for name in names}
        gradients = {name: _joined([result.gradients[name] for result in results]) for name in names}
        return Gradients(_joined([result.scores for result in results]), values, gradients)

    def scores(self, given: Inputs, items: np.ndarray) -> Array:
        """Return the score of each row, where these tensors have the values that are given."""
        return _joined([result.scores for result in self._passes(given, items, (), differentiates=False)])

    def values(self, addresses: Sequence[str]) -> Mapping[str, Array]:
        """Return tensors of the items."""
        results = self._passes(self.inputs, None, tuple(addresses), differentiates=False)
        return {name: _joined([result.values[name] for result in results]) for name in addresses}

    def _passes(
        self, given: Inputs, items: np.ndarray | None, to: Sequence[str], differentiates: bool
    ) -> list[TargetResult]:
        """Compute rows, as many at once as fit. Rows of `items` have the picks of their items."""
        picks = [] if items is None else [one[items] for one in self._known_picks()]
        traced = self._traced(tuple(given), tuple(to), bool(picks), differentiates)
        results = []
        most = self._most.rows if differentiates else self._most.score_rows
        for part in _parts(len(next(iter(given.values()))), most):
            tensors = [eager_tensor(np.ascontiguousarray(array[part])) for array in given.values()]
            rows = np.arange(part.start, part.stop) if items is None else items[part]
            results.append(
                traced(tensors, self._indices, [eager_tensor(one[part]) for one in picks], self._arrays(rows))
            )
        if items is None:
            self._remember(results)
        return results

    def weight_gradients(self) -> dict[int, Array]:
        """Return the gradients at the weights of the layers of `to`, of the sum of all items' scores, by variable."""
        traced = self._traced(tuple(self.inputs), self.to, False, True, weights=True)
        results = []
        for part in _parts(self.items, self._most.rows):
            tensors = [eager_tensor(np.ascontiguousarray(array[part])) for array in self.inputs.values()]
            rows = np.arange(part.start, part.stop)
            results.append(traced(tensors, self._indices, (), self._arrays(rows)).weights)
        sums = [np.sum([as_array(one).astype(np.float64) for one in ones], 0) for ones in zip(*results, strict=True)]
        pairs = zip(traced.explained, sums, strict=True)
        return {id(weight): one.astype(DTYPES[weight.dtype]) for weight, one in pairs}

    def _arrays(self, items: np.ndarray) -> dict[tuple[int, str], list[Any]]:
        """Return the arrays of edits for rows that are copies of these items, by their places."""
        return {one.place: [eager_tensor(self._rows_of(one, array, items)) for array in one.arrays.values()]
                for one in self._edited}  # fmt: skip

    def _rows_of(self, one: EditedTensor, array: Array, items: np.ndarray) -> Array:
        """Return an array for rows: those with a batch have a row for each item."""
        rank = len(self._model.symbolic.shape(one.address))
        return array[items] if array.ndim == rank and array.shape[0] == self.items > 1 else array

    def _known_picks(self) -> Sequence[Array]:
        if not self.term_values:
            self.values(())
        return self.picks

    def _remember(self, results: Sequence[TargetResult]) -> None:
        terms = range(len(self._target.terms))
        self.term_values = [_joined([result.terms[number].values for result in results]) for number in terms]
        picked = [number for number in terms if self._target.terms[number].is_argmax]
        self.picks = [_joined([result.terms[number].picks for result in results]) for number in picked]

    def _traced(
        self, given: Sequence[str], to: Sequence[str], is_picked: bool, differentiates: bool, weights: bool = False
    ) -> TracedTarget:
        kind = (given, to, is_picked, differentiates, weights)
        return self._model.targets.get_or_make(
            (self._target.structure, kind, tuple(one.structure for one in self._edited)),
            lambda: TracedTarget(self._model.symbolic, self._target, *kind, self._edited),
        )


def _parts(rows: int, most: int) -> Iterator[slice]:
    """Yield parts of so many rows at most."""
    for start in range(0, rows, most):
        yield slice(start, min(start + most, rows))


def _joined(parts: Sequence[Any]) -> Array:
    arrays = [as_array(part) for part in parts]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

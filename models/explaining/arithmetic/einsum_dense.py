"""EinsumDense: the sum over the letters of the equation that the output lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from models.explaining.arithmetic.layer_call import LayerCall, at, explains, text
from models.explaining.arithmetic.steps import Step, weighted
from models.layers.einsum import EinsumDense
from models.tensors.dtypes import Array


@explains(EinsumDense)
def einsum_dense(call: LayerCall[EinsumDense]) -> Iterator[Step]:
    """Σ input · kernel + bias."""
    positions = _positions(call)
    axes = tuple(positions[letter] for letter in _input_axes(call))
    letters = call.layer.parsed().kernel
    kernel_axes = tuple(positions[letter] for letter in letters)
    kernel = _aligned(call.weight("kernel", kernel_axes), letters, _input_axes(call))
    terms = weighted(call.reads[0], axes, call.take(0, axes), kernel)
    formula = f"sum({text(call.reads[0], axes)} * {text('kernel', kernel_axes)})"
    if call.layer.bias_axes is None:
        yield call.last_step(formula, terms)
        return
    bias = _bias_index(call)
    formula = f"{formula} + {text('bias', at(*bias))}"
    yield call.last_step(formula, terms, bias=call.weight_at("bias", *bias))


def _input_axes(call: LayerCall[EinsumDense]) -> list[str]:
    """Return the name of each axis of the input: its letter, or the place of one that `...` covers."""
    return _named(call.layer.parsed().inputs, call.inputs[0].ndim, call.layer.parsed().ellipsis)


def _named(letters: str, rank: int, ellipsis: str | None) -> list[str]:
    covered = [str(place) for place in range(rank - len(letters))]
    return [*letters, *covered] if ellipsis == "right" else [*covered, *letters]


def _positions(call: LayerCall[EinsumDense]) -> Mapping[str, Array]:
    """Return the positions of each letter: that of the element, or all where the output lacks the letter."""
    equation, shape = call.layer.parsed(), call.inputs[0].shape
    every = dict(zip(_input_axes(call), map(np.arange, shape), strict=True))
    return every | dict(
        zip(_named(equation.outputs, call.output.ndim, equation.ellipsis), at(*call.index), strict=True)
    )


def _aligned(kernel: Array, letters: str, names: list[str]) -> Array:
    """Return a part of the kernel in the order of the input's axes; letters of the output alone have one position."""
    summed = [name for name in names if name in letters]
    others = tuple(place for place, letter in enumerate(letters) if letter not in names)
    squeezed = kernel.squeeze(others)
    own = [letter for letter in letters if letter in names]
    ordered = squeezed.transpose([own.index(name) for name in summed])
    return ordered.reshape([ordered.shape[summed.index(name)] if name in summed else 1 for name in names])


def _bias_index(call: LayerCall[EinsumDense]) -> tuple[int, ...]:
    """Return the place in the bias, whose axes are the last of the output, of length 1 where they have no letter of
    `bias_axes`.
    """
    shape = call.weights["bias"].shape
    places = zip(shape, call.index[len(call.index) - len(shape) :], strict=True)
    return tuple(0 if length == 1 else place for length, place in places)

"""What runs in place of the `call` of some of Keras' own layers, whose code takes no symbolic tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import ops

from layerscope_client.keras.fixed import is_fixed
from layerscope_client.keras.untraceable import Refused

MAX_STEPS = 64
"""Most steps of a sequence that a recurrent layer is written out for: a document's layer is called that often."""


def call_of(layer: keras.Layer) -> Callable[..., Any]:
    """Return what to run for a layer: its `call`, or for steps the layer on all of them at once."""
    if isinstance(layer, keras.layers.TimeDistributed):
        return lambda inputs, training=None, mask=None: _on_steps(layer.layer, inputs, training, mask)
    compiled = getattr(type(layer).call, "python_function", None)  # of a tf.function
    own: Callable[..., Any] = layer.call if compiled is None else partial(compiled, layer)
    return own if layer.quantization_mode is None else partial(layer.quantized_call)


def _on_steps(layer: keras.Layer, inputs: Any, training: Any, mask: Any) -> Any:
    """Apply a layer to every step as a row of its own, which is what TimeDistributed computes.

    Raises:
        Refused: the layer would read masks, or the lengths are free.
    """
    if mask is not None and layer._call_has_mask_arg:
        raise Refused("a layer inside TimeDistributed reads a mask", "Leave the mask out, or apply it after the layer.")
    rows = ops.reshape(inputs, (-1, *inputs.shape[2:]))
    results = layer(rows, training=training) if layer._call_has_training_arg else layer(rows)
    return ops.reshape(results, (-1, inputs.shape[1], *results.shape[1:]))


def unrolled(
    step: Callable[..., Any], inputs: Any, initial_states: Any, go_backwards: bool = False, mask: Any = None,
    zero_output_for_mask: bool = False, return_all_outputs: bool = True, **_: Any,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Apply a recurrent cell to one step after another; returns the last output, all outputs and the last states.

    Source: keras.src.backend.tensorflow.rnn.rnn with unroll=True.

    Raises:
        Refused: the number of steps is free or too large.
    """
    length = inputs.shape[1]
    if length is None or length > MAX_STEPS:
        advice = f"Give the sequence a length of at most {MAX_STEPS}, or use LSTM, GRU or SimpleRNN."
        raise Refused(f"a recurrent cell of its author's is written out for each of {length or 'free'} steps", advice)
    states = keras.tree.map_structure(lambda state: _of_batch(state, inputs), list(initial_states))
    outputs: list[Any] = []
    for number in reversed(range(length)) if go_backwards else range(length):
        output, new = step(inputs[:, number], tuple(states))
        if mask is not None:
            counts = mask[:, number]
            before = outputs[-1] if outputs else ops.zeros_like(output)
            output = _where(counts, output, before)
            choose = partial(_where, counts)
            new = keras.tree.map_structure(choose, list(new), states)
        states = list(new)
        outputs.append(output)
    if zero_output_for_mask and mask is not None:
        outputs = [_where(mask[:, n], output, ops.zeros_like(output)) for n, output in enumerate(outputs)]
    joined = ops.stack(outputs, axis=1) if return_all_outputs else ops.expand_dims(outputs[-1], 1)
    return outputs[-1], joined, states


def _of_batch(state: Any, inputs: Any) -> Any:
    """Return a first state that depends on the batch: the same for every step, so that all are calls of one cell."""
    if isinstance(state, keras.KerasTensor) and not is_fixed(state):
        return state
    zeros = ops.zeros_like(inputs[(slice(None), *[0] * (len(inputs.shape) - 1))], dtype=state.dtype)
    for _ in range(len(state.shape) - 1):
        zeros = ops.expand_dims(zeros, -1)
    return zeros + state


def _where(counts: Any, first: Any, second: Any) -> Any:
    """Choose by rows; `counts` has the batch alone."""
    while len(counts.shape) < len(first.shape):
        counts = ops.expand_dims(counts, -1)
    return ops.where(counts, first, second)

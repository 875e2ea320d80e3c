"""What cannot be traced is said with the layer, the line and what to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from layerscope_client.keras import Untraceable, traced


def refused(call: Callable[..., Any], shape: tuple[int | None, ...] = (6,)) -> Untraceable:
    """Return the refusal of a layer with this `call`, on a model around it."""
    layer = type("Own", (layers.Layer,), {"call": call})(name="own")
    first = keras.Input(shape, name="first")
    output = keras.KerasTensor((None, *shape))
    layer.compute_output_spec = lambda *_, **__: output
    with pytest.raises(Untraceable) as raised:
        traced(keras.Model(first, layer(first)))
    return raised.value


def line_of(call: Callable[..., Any], text: str) -> int:
    """Return the number of the line of a function that has this text."""
    lines, start = inspect.getsourcelines(call)
    return start + next(number for number, line in enumerate(lines) if text in line)


COUNT = keras.Variable(0.0, name="count")


def noisy(self: Any, x: Any) -> Any:
    """Draw random numbers at inference."""
    shape = ops.shape(x)
    return x + keras.random.normal(shape)


def noisy_by_tensorflow(self: Any, x: Any) -> Any:
    """Draw random numbers at inference, past Keras."""
    return x + tf.random.uniform((1, 6))


def drawn_by_numpy(self: Any, x: Any) -> Any:
    """Draw random numbers that nobody sees."""
    return x * np.random.default_rng().normal(size=(1, 6))


def counting(self: Any, x: Any) -> Any:
    """Change a weight at inference."""
    COUNT.assign_add(1.0)
    return x * COUNT


def measuring(self: Any, x: Any) -> Any:
    """Compute with a free length."""
    return x[:, : x.shape[1] // 2]


def transforming(self: Any, x: Any) -> Any:
    """Call TensorFlow for something that the service lacks."""
    return tf.abs(tf.signal.rfft(x))


def inverting(self: Any, x: Any) -> Any:
    """Call keras.ops for something that the service lacks."""
    return ops.inv(ops.reshape(x, (-1, 2, 2)))


def deciding(self: Any, x: Any) -> Any:
    """Let Python decide by a value."""
    return x if ops.sum(x) > 0 else -x


def dividing(self: Any, x: Any) -> Any:
    """Let a row depend on how many there are."""
    return x / ops.shape(x)[0]


def numbering(self: Any, x: Any) -> Any:
    """Let a row depend on its place."""
    return x * ops.reshape(ops.arange(ops.shape(x)[0], dtype="float32"), (-1, 1))


def comparing(self: Any, x: Any) -> Any:
    """Compare every row with every other."""
    return ops.matmul(x, ops.transpose(x))


def averaging(self: Any, x: Any) -> Any:
    """Sum over the batch."""
    return x - ops.mean(x, axis=0)


DROPOUT = layers.Dropout(0.5, name="always")


def dropping(self: Any, x: Any) -> Any:
    """Call a layer in training mode at inference."""
    return DROPOUT(x, training=True)


REFUSED = [
    (dropping, (6,), "calls always (Dropout) with training=True at inference", "DROPOUT(x"),
    (comparing, (6,), "it mixes the rows of the batch", "ops.matmul"),
    (averaging, (6,), "it mixes the rows of the batch", "ops.mean"),
    (noisy, (6,), "draws random numbers at inference (normal)", "keras.random.normal"),
    (noisy_by_tensorflow, (6,), "draws random numbers at inference (uniform)", "tf.random.uniform"),
    (drawn_by_numpy, (6,), "from call to call", "return x *"),
    (counting, (6,), "its call changes its weight count", "assign_add"),
    (measuring, (None, 6), "its call raises TypeError", "// 2"),
    (transforming, (6,), "has no equivalent", "tf.signal.rfft"),
    (inverting, (4,), "no operation for Inv of keras.ops", "ops.inv"),
    (deciding, (6,), "cannot be used as a boolean", "if ops.sum"),
    (dividing, (6,), "depends on the size of the batch", "return x /"),
    (numbering, (6,), "differs from row to row", "return x *"),
]


@pytest.mark.parametrize(("call", "shape", "reason", "line"), REFUSED, ids=[row[0].__name__ for row in REFUSED])
def test_the_line_is_named(call: Any, shape: Any, reason: str, line: str) -> None:
    """With the layer and the reason."""
    error = refused(call, shape)
    assert reason in error.reason
    assert error.line is not None
    assert (error.line.file, error.line.number) == (__file__, line_of(call, line))
    assert __file__ in str(error)


def test_free_sizes_are_named_with_the_way_to_fix_them() -> None:
    """Input by input."""
    error = refused(measuring, (None, 6))
    assert "inputs=" in error.advice
    assert "first" in error.advice


class Placed(layers.Layer):
    """A layer that takes as many rows of its table as a free length."""

    def build(self, shape: Any) -> None:
        self.places = self.add_weight((9, shape[-1]), "random_normal", name="places")

    def call(self, x: Any) -> Any:
        return x + ops.slice(self.places, (0, 0), (ops.shape(x)[1], 6))


def test_tables_cut_to_a_free_length_are_refused() -> None:
    """With the layer's line, and the way to fix the length."""
    first = keras.Input((None, 6), name="first")
    with pytest.raises(Untraceable, match=r"without the lengths of an input.*test_refusals.py:\d+: return x.*inputs="):
        traced(keras.Model(first, Placed(name="placed")(first)))


def test_models_without_inputs_say_how_to_give_them() -> None:
    """Keras does not know the inputs of a sub-classed model that was never called."""

    class Unknown(keras.Model):
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(Untraceable, match=r"shapes of the inputs of .* are not known.*inputs="):
        traced(Unknown())


def test_keras_is_put_back_after_a_refusal() -> None:
    """Nothing is recorded afterwards."""
    kept = keras.Operation.symbolic_call
    refused(noisy)
    assert keras.Operation.symbolic_call is kept
    assert float(keras.random.normal((1,))[0]) == pytest.approx(0, abs=10)

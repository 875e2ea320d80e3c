"""Random Functional models in which a weight that lands in another layer shows.

Every tensor is of shape (4,) or (3, 4) without the batch, so that layers of one class have weights of one shape, and
every number of every weight is drawn anew. Layers are shared, models are nested with several inputs (some of them
unread, some by name), states, masks and the arguments of attention are given by position and by keyword.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import keras
import numpy as np
from keras import layers as L  # noqa: N812
from keras import ops

FEATURES, STEPS = 4, 3
Tensor = Any
Array = np.ndarray[Any, Any]


def random_model(number: int) -> keras.Model:
    """Return the model of a number: the same graph each time, with weights and names of its own."""
    random = Random(number)
    model = Drawn(random, depth=0).model(inputs=random.randint(1, 3), steps=random.randint(5, 12), name=f"m{number}")
    draw_weights(model, number)
    return model


def draw_weights(model: keras.Model, number: int) -> None:
    """Give every weight other numbers: positive ones, so that variances are positive."""
    random = np.random.default_rng(number)
    model.set_weights([random.uniform(0.1, 0.9, weight.shape).astype(weight.dtype) for weight in model.weights])


def random_inputs(model: keras.Model, number: int) -> dict[str, Array]:
    """Return three rows for each input, by its name."""
    random = np.random.default_rng(number)
    return {
        tensor._keras_history.operation.name: random.normal(0, 1, (3, *tensor.shape[1:])).astype(np.float32)
        for tensor in model.inputs
    }


class Drawn:
    """One level of a model while it is drawn: its tensors so far, and the layers that may be called again."""

    def __init__(self, random: Random, depth: int) -> None:
        self.random, self.depth = random, depth
        self.vectors: list[Tensor] = []
        self.sequences: list[Tensor] = []
        self.shared: dict[str, list[Any]] = {}

    def model(self, inputs: int, steps: int, name: str) -> keras.Model:
        """Return a model of so many inputs and layers."""
        given = [self._input(f"in{number}") for number in self._shuffled(range(inputs))]
        for tensor in given if self.depth == 0 else self.random.sample(given, self.random.randint(1, len(given))):
            (self.vectors if len(tensor.shape) == 2 else self.sequences).append(tensor)
        for _ in range(steps):
            self._step()
        outputs = self._outputs()
        by_name = self.random.random() < 0.4 and len(given) > 1
        struct = {tensor._keras_history.operation.name: tensor for tensor in given} if by_name else given
        return keras.Model(struct, outputs if len(outputs) > 1 else outputs[0], name=name)

    def _input(self, name: str) -> Tensor:
        shape = (FEATURES,) if self.random.random() < 0.5 else (STEPS, FEATURES)
        return keras.Input(shape, name=f"{name}_{self.depth}")

    def _shuffled(self, values: Any) -> list[Any]:
        return self.random.sample(list(values), len(list(values)))

    def _outputs(self) -> list[Tensor]:
        """Return one to three tensors, those made last among them more often."""
        made = [t for t in self.vectors + self.sequences if not isinstance(t._keras_history.operation, L.InputLayer)]
        return self.random.sample(made[-6:], min(len(made), self.random.randint(1, 3)))

    def _step(self) -> None:
        makers: list[Callable[[], Tensor | None]] = [
            self._dense, self._dense, self._joined, self._operation, self._recurrent, self._recurrent, self._attention,
            self._nested, self._nested, self._wrapped, self._normalized, self._repeated, self._masked, self._moved,
        ]  # fmt: skip
        made = self.random.choice(makers)()
        for tensor in keras.tree.flatten(made) if made is not None else ():
            (self.vectors if len(tensor.shape) == 2 else self.sequences).append(tensor)

    def _layer(self, kind: str, make: Callable[[], Any]) -> Any:
        """Return a new layer, or one that has been called already."""
        known = self.shared.setdefault(kind, [])
        if known and self.random.random() < 0.25:
            return self.random.choice(known)
        known.append(make())
        return known[-1]

    def _vector(self) -> Tensor:
        if not self.vectors:
            self.vectors.append(L.GlobalAveragePooling1D()(self._sequence()))
        return self.random.choice(self.vectors)

    def _sequence(self) -> Tensor:
        if not self.sequences:
            self.sequences.append(L.RepeatVector(STEPS)(self._vector()))
        return self.random.choice(self.sequences)

    def _any(self) -> Tensor:
        return self.random.choice(self.vectors + self.sequences)

    def _dense(self) -> Tensor:
        return self._layer("dense", lambda: L.Dense(FEATURES))(self._any())

    def _pair(self) -> list[Tensor]:
        one = self._any()
        return [one, self._vector() if len(one.shape) == 2 else self._sequence()]

    def _joined(self) -> Tensor:
        return self.random.choice([L.Add, L.Subtract, L.Multiply, L.Average])()(self._pair())

    def _operation(self) -> Tensor:
        a, b = self._pair()
        return self.random.choice([
            lambda: a + b, lambda: a - b, lambda: ops.maximum(a, b), lambda: ops.tanh(a),
            lambda: ops.where(a > b, b, a), lambda: ops.roll(a, (1,), (1,)), lambda: a[:, ::-1],
            lambda: ops.dot(a, self._square()),
            lambda: ops.take_along_axis(a, ops.argsort(b, axis=-1), axis=-1), self._einsum,
            lambda: ops.unstack(ops.stack([a, b], 1), axis=1)[1],
            lambda: ops.tensordot(a, self._square(), axes=[[-1], [1]]),
        ])()  # fmt: skip

    def _square(self) -> Array:
        return np.array([[self.random.uniform(-1, 1) for _ in range(FEATURES)] for _ in range(FEATURES)], "float32")

    def _einsum(self) -> Tensor:
        """Return a sum over products of sequences, on one of three ways."""
        a, b = self._sequence(), self._sequence()
        scores = ops.einsum("bij,bkj->bik", a, b)
        return self.random.choice([
            lambda: ops.einsum("bik,bkj->bij", scores, b), lambda: ops.einsum("bij,jk", a, self._square()),
            lambda: ops.dot_product_attention(a[:, :, None], b[:, :, None], value=b[:, :, None])[:, :, 0],
            lambda: ops.max_pool(a, 3, 1, "same"), lambda: ops.conv(a, self._square()[None], padding="same"),
        ])()  # fmt: skip

    def _moved(self) -> Tensor:
        """Return a sequence computed where the batch is not the first axis, or each step is a row of its own."""
        sequence = self._sequence()
        if self.random.random() < 0.5:
            rows = ops.reshape(sequence, (-1, FEATURES))
            return ops.reshape(self._layer("dense", lambda: L.Dense(FEATURES))(rows), (-1, STEPS, FEATURES))
        parts = ops.reshape(L.Dense(3 * FEATURES)(sequence), (-1, STEPS, 3, FEATURES))
        moved = ops.transpose(parts, (2, 0, 1, 3))
        query, key, value = ops.unstack(moved, 3) if self.random.random() < 0.5 else (moved[n] for n in range(3))
        return ops.matmul(ops.softmax(ops.matmul(query, ops.swapaxes(key, -1, -2))), value)

    def _states(self, kind: str) -> Any:
        count = 2 if kind == "LSTM" else 1
        states = [self._vector() for _ in range(count)]
        return states if count > 1 else states[0]

    def _mask(self) -> Tensor:
        return ops.any(ops.greater(self._sequence(), -1.0), axis=-1)

    def _recurrent(self) -> Tensor:
        kind, back = self.random.choice(["LSTM", "GRU", "SimpleRNN"]), self.random.random() < 0.5
        options = {"return_sequences": self.random.random() < 0.5, "return_state": self.random.random() < 0.3}
        layer = self._layer(f"{kind}{options}", lambda: getattr(L, kind)(FEATURES, **options))
        given: dict[str, Any] = {"initial_state": self._states(kind)} if back else {}
        if self.random.random() < 0.3:
            given["mask"] = self._mask()
        if self.random.random() < 0.3:
            return layer(sequences=self._sequence(), **given)
        return layer(self._sequence(), **given)

    def _attention(self) -> Tensor:
        query, value, key = self._sequence(), self._sequence(), self._sequence()
        if self.random.random() < 0.3:
            return L.Attention(use_scale=True)([query, value, key])
        layer = self._layer("attention", lambda: L.MultiHeadAttention(1, 2))
        given = {"attention_mask": ops.greater(ops.matmul(query, ops.transpose(value, (0, 2, 1))), 0.0)}
        named = given if self.random.random() < 0.3 else {}
        match self.random.randint(0, 3):
            case 0:
                return layer(query, value, key, **named)
            case 1:
                return layer(query, value, key=key, **named)
            case 2:
                return layer(query, key=key, value=value, **named)
        return layer(query=query, value=value, key=key, **named)

    def _nested(self) -> Any:
        """Return the output of a model inside: a Sequential one, or a Functional one of one to three inputs."""
        if self.depth == 2:
            return self._dense()
        model = self._layer("nested", self._inner)
        inputs = model.inputs
        read = [self._vector() if len(one.shape) == 2 else self._sequence() for one in inputs]
        if isinstance(model, keras.Model) and isinstance(getattr(model, "_inputs_struct", None), dict):
            names = [one._keras_history.operation.name for one in inputs]
            return model(dict(zip(names, read, strict=True)))
        return model(read if len(read) > 1 else read[0])

    def _inner(self) -> Any:
        if self.random.random() < 0.3:
            return keras.Sequential([keras.Input((FEATURES,)), L.Dense(FEATURES), L.Dense(FEATURES)])
        inner = Drawn(self.random, self.depth + 1)
        return inner.model(self.random.randint(1, 3), self.random.randint(1, 5), f"inner{self.random.random()}"[:14])

    def _wrapped(self) -> Tensor:
        match self.random.randint(0, 2):
            case 0:
                return L.TimeDistributed(self._inside())(self._sequence())
            case 1:
                return L.SpectralNormalization(L.Dense(FEATURES))(self._any())
        layer = L.Bidirectional(L.GRU(2, return_sequences=True))
        if self.random.random() < 0.3:
            small = L.Dense(2)
            return layer(self._sequence(), initial_state=[small(self._vector()), small(self._vector())])
        return layer(self._sequence())

    def _inside(self) -> Any:
        """Return what is applied to every step: a layer, a Sequential or a Functional."""
        match self.random.randint(0, 2):
            case 0:
                return L.Dense(FEATURES)
            case 1:
                return keras.Sequential([keras.Input((FEATURES,)), L.Dense(FEATURES), L.Dense(FEATURES)])
        x = keras.Input((FEATURES,))
        first, second = L.Dense(FEATURES), L.Dense(FEATURES)
        return keras.Model(x, L.Add()([second(x), first(second(x))]))

    def _normalized(self) -> Tensor:
        kind, x = self.random.choice([L.BatchNormalization, L.LayerNormalization]), self._any()
        return self._layer(f"{kind.__name__}{len(x.shape)}", kind)(x)

    def _repeated(self) -> Tensor:
        return L.RepeatVector(STEPS)(self._vector())

    def _masked(self) -> Tensor:
        return L.GlobalAveragePooling1D()(self._sequence(), mask=self._mask())


def random_models(numbers: range) -> Iterator[tuple[int, keras.Model]]:
    """Yield those that can be made: a model whose outputs read no input has none."""
    for number in numbers:
        yield number, random_model(number)

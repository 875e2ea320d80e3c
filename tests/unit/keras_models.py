"""Keras models that the converter was not tuned for: nested, shared, merged, masked, mixed."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import layers as L  # noqa: N812
from keras import ops


def plain_sequential() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((12, 12, 2)),
            L.Conv2D(4, 3, strides=2, padding="same", activation="relu", kernel_regularizer="l2"),
            L.BatchNormalization(),
            L.ReLU(max_value=6),
            L.MaxPooling2D(),
            L.Dropout(0.5),
            L.Flatten(),
            L.Dense(5, activation="softmax", kernel_constraint="max_norm"),
        ],
        name="digits",
    )


def residual() -> keras.Model:
    x = keras.Input((8, 8, 3), name="picture")
    y = L.Conv2D(4, 3, padding="same")(x)
    for _ in range(2):
        z = L.Conv2D(4, 3, padding="same", use_bias=False)(y)
        z = L.Activation("gelu")(L.BatchNormalization()(z))
        y = L.Add()([y, z])
    return keras.Model(x, L.Dense(3)(L.GlobalAveragePooling2D()(y)))


def siamese() -> keras.Model:
    i = keras.Input((6,), name="in")
    tower = keras.Model(i, L.Dense(4, activation="tanh")(L.Dense(5, activation="relu")(i)), name="tower")
    a, b = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    distance = ops.sqrt(ops.sum(ops.square(tower(a) - tower(b)), axis=1, keepdims=True) + 1e-6)
    return keras.Model({"right": b, "left": a}, L.Dense(1, activation="sigmoid")(distance))


def shared_three_times() -> keras.Model:
    x = keras.Input((5,))
    shared, other = L.Dense(5, activation="tanh", name="shared"), L.Dense(5, name="other")
    return keras.Model(x, shared(other(shared(other(shared(x))))))


def nested_three_deep() -> keras.Model:
    deepest = keras.Sequential([L.Dense(4, activation="relu"), L.LayerNormalization()], name="deepest")
    i = keras.Input((4,), name="i")
    middle = keras.Model(i, [L.Add()([deepest(i), i]), i * 2.0], name="middle")
    j = keras.Input((4,), name="j")
    first, second = middle(j)
    third, _ = middle(second)
    outer = keras.Model(j, [first, third], name="outer")
    x = keras.Input((4,), name="x")
    a, b = outer(L.Dense(4)(x))
    return keras.Model(x, [a, L.Concatenate()([a, b])])


def several_inputs_nested() -> keras.Model:
    p, q = keras.Input((3,), name="p"), keras.Input((3,), name="q")
    inner = keras.Model({"q": q, "p": p}, {"s": L.Subtract()([p, q]), "a": L.Dense(2)(p)}, name="inner")
    x = keras.Input((3,), name="x")
    result = inner({"p": x, "q": L.Dense(3)(x)})
    return keras.Model({"x": x}, {"o": result["s"], "b": result["a"]})


def encoder_decoder() -> keras.Model:
    a, b = keras.Input((5, 3), name="a"), keras.Input((4, 3), name="b")
    _, h, c = L.LSTM(4, return_state=True, name="encoder")(a)
    decoded = L.LSTM(4, return_sequences=True, name="decoder")(b, initial_state=[h, c])
    return keras.Model([a, b], [L.Dense(2)(decoded), h])


def recurrent_wrappers() -> keras.Model:
    x = keras.Input((6, 3))
    y = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    y = L.Bidirectional(L.GRU(2, return_sequences=True), merge_mode="sum")(y)
    y = L.TimeDistributed(L.Dense(4, activation="relu"))(y)
    y = L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_sequences=True)(y)
    return keras.Model(x, L.SimpleRNN(2)(y))


def masked_tokens() -> keras.Model:
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    y = L.Embedding(9, 4, mask_zero=True)(tokens)
    y = L.LSTM(3, return_sequences=True)(y)
    y = L.Bidirectional(L.GRU(2, return_sequences=True))(y)
    return keras.Model(tokens, L.GlobalAveragePooling1D()(y))


def masked_shared() -> keras.Model:
    embed, read = L.Embedding(9, 4, mask_zero=True), L.LSTM(3)
    a, b = keras.Input((5,), dtype="int32", name="a"), keras.Input((4,), dtype="int32", name="b")
    return keras.Model([a, b], L.Dot(axes=1)([read(embed(a)), read(embed(b))]))


def masking_and_concatenate() -> keras.Model:
    x = keras.Input((5, 3))
    y = L.Masking()(x)
    return keras.Model(x, L.LSTM(3)(L.Concatenate()([y, y])))


def transformer() -> keras.Model:
    x = keras.Input((6, 8))
    allowed = keras.Input((6, 6), dtype="bool", name="allowed")
    y, scores = L.MultiHeadAttention(2, 4)(
        query=x, value=x, key=x, attention_mask=allowed, return_attention_scores=True
    )
    y = L.LayerNormalization(epsilon=1e-6)(x + y)
    y = y + L.Dense(8)(L.Dense(16, activation="gelu")(y))
    y = L.MultiHeadAttention(2, 4)(y, y, use_causal_mask=True)
    y = L.GroupQueryAttention(4, 4, 2)(y, y)
    return keras.Model([x, allowed], [L.Attention()([y, y]), scores])


def attention_by_hand() -> keras.Model:
    x = keras.Input((6, 8))
    q, k, v = L.Dense(8)(x), L.Dense(8)(x), L.Dense(8)(x)
    q, k, v = (ops.transpose(ops.reshape(t, (-1, 6, 2, 4)), (0, 2, 1, 3)) for t in (q, k, v))
    weights = ops.softmax(ops.matmul(q, ops.swapaxes(k, -1, -2)) / 2.0, axis=-1)
    return keras.Model(x, ops.reshape(ops.transpose(ops.matmul(weights, v), (0, 2, 1, 3)), (-1, 6, 8)))


def zeros_for_masks() -> keras.Model:
    """Recurrent layers that return zeros for masked steps, in place of the step before."""
    x, some = keras.Input((5, 3), name="x"), keras.Input((5,), dtype="bool", name="some")
    zero = {"return_sequences": True, "zero_output_for_mask": True}
    made = [L.SimpleRNN(2, **zero), L.GRU(2, **zero), L.LSTM(2, **zero), L.RNN([L.LSTMCell(3), L.GRUCell(2)], **zero)]
    made += [L.Bidirectional(L.LSTM(2, **zero)), L.Bidirectional(L.GRU(2, return_sequences=True), merge_mode="sum")]
    images = L.ConvLSTM1D(2, 2, **zero)(L.Reshape((5, 3, 1))(x), mask=some)
    return keras.Model([x, some], [*(layer(x, mask=some) for layer in made), images])


def attention_in_groups() -> keras.Model:
    """Attention on four axes, with the masks that Keras aligns, and scores of inputs of unequal lengths."""
    x, y = keras.Input((2, 4, 3), name="x"), keras.Input((2, 5, 3), name="y")
    some, pairs = keras.Input((2, 4), dtype="bool", name="some"), keras.Input((2, 1, 5), dtype="bool", name="pairs")
    a, scores = L.Attention(score_mode="concat")([x, y], mask=[some, pairs], return_attention_scores=True)
    b = L.AdditiveAttention()([x, y], mask=[some, None], use_causal_mask=True)
    c, other = L.MultiHeadAttention(2, 3, attention_axes=2)(x, y, return_attention_scores=True)
    return keras.Model([x, y, some, pairs], [L.Add()([a, b, c]), scores, other])


def flags_of_calls() -> keras.Model:
    """Layers whose calls differ in their flags."""
    x, y = keras.Input((4, 6), name="x"), keras.Input((5, 6), name="y")
    heads, plain = L.MultiHeadAttention(2, 3, name="heads"), L.Attention(name="plain")
    a, scores = heads(x, y, return_attention_scores=True)
    b = heads(x, y)
    c = plain([x, y], use_causal_mask=True) + plain([y, y])[:, :4]
    return keras.Model([x, y], [L.Add()([a, b, c]), scores])


def language_model() -> keras.Model:
    """Tables that are also projected back through."""
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    tied = L.ReversibleEmbedding(9, 4, mask_zero=True, name="tied")
    free = L.ReversibleEmbedding(9, 4, tie_weights=False, logit_soft_cap=0.1, reverse_dtype="float16", name="free")
    y = L.LSTM(4, return_sequences=True)(tied(tokens))
    return keras.Model(tokens, [tied(y, reverse=True), free(free(tokens) + y, reverse=True)])


class Tower(keras.Model):
    """A user's class that Keras serialises as a graph: it has no constructor of its own."""

    def tower(self) -> str:
        return self.name


@keras.saving.register_keras_serializable("Custom")
class Head(Tower):
    """The same, registered."""


def subclasses() -> keras.Model:
    """Models of user-defined classes, one around the others, one in TimeDistributed."""
    i, j, k = keras.Input((4,), name="i"), keras.Input((3,), name="j"), keras.Input((3,), name="k")
    tower = Tower(i, L.Dense(3, activation="tanh")(i), name="tower")
    other = Tower(k, L.Dense(3)(k) * 2.0, name="other")
    head = Head([j, k], [L.Add()([L.Dense(2)(j), L.Dense(2)(k)]), j], name="head")
    x = keras.Input((5, 4), name="x")
    first, steps = tower(x[:, 0]), L.TimeDistributed(other, name="steps")(x[..., 1:])
    second = tower(x[:, 1])
    a, b = head([first, second])
    return Tower(x, [a, b, L.Flatten()(steps)], name="whole")


def one_dimension() -> keras.Model:
    x = keras.Input((None, 3))
    y = L.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="swish")(x)
    y = L.SeparableConv1D(5, 3, padding="same")(y)
    return keras.Model(x, L.GlobalMaxPooling1D()(y))


def three_dimensions() -> keras.Model:
    x = keras.Input((6, 6, 6, 1))
    y = L.Conv3D(2, 3, activation="relu")(x)
    y = L.Conv3DTranspose(2, 2, strides=2)(L.AveragePooling3D(2)(y))
    return keras.Model(x, L.Cropping3D(1)(y))


def squeeze_and_excite() -> keras.Model:
    x = keras.Input((6, 6, 4))
    scale = ops.mean(x, axis=(1, 2), keepdims=True)
    scale = keras.activations.relu(scale + 3.0, max_value=6.0) * (1.0 / 6.0)
    return keras.Model(x, x * scale)


def slices() -> keras.Model:
    x = keras.Input((6, 4))
    parts = [x[:, 0], x[:, -1], ops.squeeze(x[:, 1:2], axis=1), x[..., 0:4:2][:, 0]]
    joined = ops.concatenate(parts, axis=-1)
    stacked = ops.stack([joined, -joined], axis=1)
    return keras.Model(x, [ops.expand_dims(joined, 1), *ops.split(stacked, 2, axis=1)])


def arithmetic() -> keras.Model:
    x, y = keras.Input((4, 3), name="x"), keras.Input((4, 3), name="y")
    a = 1 - x * y + x / 2 + x**2 - ops.maximum(x, 0.0) + np.arange(3, dtype="float32")
    b = ops.where(x > 0, ops.minimum(x, y), ops.abs(y))
    c = ops.exp(-ops.clip(x, -1, 1)) * ops.rsqrt(ops.square(y) + 1e-3)
    d = ops.log(ops.max(ops.abs(x), axis=-1) + 1.0) - ops.min(y, axis=2)
    e = ops.pad(ops.tile(x, (1, 2, 1)), ((0, 0), (1, 0), (0, 0)))
    e = e + ops.pad(ops.repeat(y, 2, axis=1), [[0, 0], [0, 1], [0, 0]])
    f = ops.cast(ops.argmax(x, axis=-1), "float32") + ops.std(x, axis=-1) * ops.var(y, axis=-1)
    g = ops.silu(x) + ops.gelu(y, approximate=False) + ops.leaky_relu(x, 0.1) + ops.log_softmax(y)
    h = ops.normalize(x) + ops.cumsum(y, axis=1) + ops.flip(x, axis=1) + ops.roll(y, 1, axis=2)
    k = ops.one_hot(ops.cast(x > 0, "int32"), 3)
    m = ops.take(x, [0, 2], axis=2) + ops.top_k(y, 2)[0]
    n = ops.norm(x - y, axis=-1) + ops.logsumexp(x, axis=-1) + ops.prod(y, axis=-1) % 3
    return keras.Model([x, y], [a, b, c, d, e, f, g, h, k, m, n])


def constants_without_axes() -> keras.Model:
    x, n = keras.Input((4,)), keras.Input((4,), dtype="int32")
    scaled = x * ops.sqrt(ops.cast(6, "float32"))
    return keras.Model([x, n], [scaled, ops.maximum(n, ops.cast(1, "int8")), ops.where(x > 0, np.float32(2), scaled)])


def masks_by_position() -> keras.Model:
    x, some = keras.Input((4, 3)), keras.Input((4,), dtype="bool")
    pairs = ops.logical_or(ops.expand_dims(some, 1), ops.expand_dims(some, 2))
    y = L.Dense(3)(x)
    y = y + L.Attention()([y, x], [some, some]) + L.MultiHeadAttention(1, 2)(y, x, None, some, some, None, pairs)
    z = L.LSTM(3)(y, None, some) + L.Bidirectional(L.GRU(3), "sum")(y, None, some) + L.SimpleRNN(3)(y, [y[:, 0]], some)
    return keras.Model([x, some], [z, L.GlobalAveragePooling1D()(y, some), L.Softmax(axis=1)(y[..., 0], some)])


def _two_inputs(name: str, by_name: bool = False) -> keras.Model:
    i, j = keras.Input((4, 3), name="i"), keras.Input((4, 3), name="j")
    inputs = {"j": j, "i": i} if by_name else [i, j]
    return keras.Model(inputs, L.Concatenate()([L.GRU(3)(i), L.LSTM(2)(j)]), name=name)


def masks_of_models() -> keras.Model:
    """Masks that Keras passes to nested models by itself, and masks passed explicitly."""
    x, some = keras.Input((4, 3)), keras.Input((4,), dtype="bool")
    two, named = _two_inputs("two"), _two_inputs("named", by_name=True)
    row = keras.Sequential([keras.Input((4, 3)), L.Dense(3), L.GRU(3, return_sequences=True)], name="row")
    read = row(L.Masking()(x))
    one = two([x, read], mask=[some, None])
    other = two([x, x * 2.0], mask=[None, ops.logical_not(some)])
    last = named({"i": x, "j": read}, mask={"i": some, "j": None})
    return keras.Model([x, some], [one, other, last, L.GRU(2)(x), L.GRU(2)(row(read, mask=some))])


def mixed_precision() -> keras.Model:
    x = keras.Input((6,))
    y = L.Dense(5, activation="relu", dtype="mixed_float16")(x)
    y = L.BatchNormalization(dtype="mixed_float16")(y * 2)
    return keras.Model(x, L.Dense(3, activation="softmax", dtype="float32")(y))


def calls_elsewhere() -> keras.Model:
    x = keras.Input((4,), name="x")
    shared = L.Dense(4, activation="gelu", name="shared")
    shared(keras.Input((4,)))  # a call that is in no model
    first, _unused, third = shared(x), shared(x * 2.0), shared(x * 3.0)
    return keras.Model(x, [third, first])


def passed_through() -> keras.Model:
    x = keras.Input((4,))
    inner = keras.Model(x, [x, L.ReLU(name="positive")(x)], name="inner")
    y = keras.Input((4,))
    return keras.Model(y, L.Add()(inner(inner(y)[1])))


def activation_objects() -> keras.Model:
    x = inputs = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3, activation=L.LeakyReLU(0.2), name="leaky")(x)
    x = L.SeparableConv2D(4, 3, activation=L.ReLU(max_value=1.0), name="bounded")(x)
    x = L.TimeDistributed(L.Conv1D(4, 2, activation=L.ELU(0.5)), name="steps")(x)
    x = L.Flatten()(x)
    mixed = L.LeakyReLU(0.1, dtype="mixed_float16")
    x = L.Dense(6, activation=mixed, dtype="mixed_float16", name="mixed")(x)
    x = L.Dense(5, activation=L.Activation("tanh"), name="tanh")(x)
    return keras.Model(inputs, L.Dense(3, activation=L.Softmax(), name="softmax")(x))


def preprocessing() -> keras.Model:
    x = keras.Input((8, 8, 3))
    y = L.RandomFlip()(L.Rescaling([1.0, 0.5, 2.0], offset=-1.0)(x))
    y = L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])(y)
    return keras.Model(x, L.UpSampling2D()(L.Resizing(4, 4)(y)))


def sizes_known_later() -> keras.Model:
    """Images of any size: a random crop is the whole image at inference, and Resizing makes all alike."""
    x = keras.Input((None, None, 3))
    y = L.Conv2D(2, 3, padding="same")(L.RandomCrop(4, 6)(x))
    ways = [{}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}, {"antialias": True}]
    resized = [L.Resizing(4, 6, **way)(y) for way in ways]
    return keras.Model(x, [L.GlobalAveragePooling2D()(y), L.Concatenate()(resized), L.CenterCrop(2, 2)(x)])


def cropped_at_random() -> keras.Model:
    x = keras.Input((9, 8, 3))
    return keras.Model(x, L.Conv2D(2, 3, strides=2)(L.RandomCrop(9, 4)(L.RandomCrop(3, 5)(x))))


def adapted() -> keras.Model:
    layer = L.Normalization()
    layer.adapt(np.random.default_rng(0).normal(3, 2, (50, 4)).astype("float32"))
    return keras.Sequential([keras.Input((4,)), layer, L.Dense(2)])


def applied_to_steps() -> keras.Model:
    """Models of every kind inside TimeDistributed, one nested in another and one frozen."""
    x = keras.Input((3, 4, 4, 2), name="clip")
    frame = keras.Sequential(
        [keras.Input((4, 4, 2)), L.Conv2D(3, 3, activation="relu"), L.BatchNormalization(), L.Flatten()], name="frame"
    )
    y = L.TimeDistributed(frame, name="frames")(x)
    i = keras.Input((12,))
    first, second = L.Dense(6, name="first"), L.Dense(6, name="second")
    tower = keras.Sequential([keras.Input((6,)), L.Dense(6, name="top"), L.Dropout(0.5)], name="tower")
    graph = keras.Model(i, tower(L.Subtract()([second(i), first(i) * 2.0])), name="graph")
    graph.trainable = False
    y = L.TimeDistributed(graph, name="graphs")(y)
    nested = L.TimeDistributed(L.TimeDistributed(keras.Sequential([keras.Input((3,)), L.Dense(2)])), name="nested")
    return keras.Model(x, nested(L.Reshape((3, 2, 3))(y)))


def read_by_keyword() -> keras.Model:
    """Calls whose arguments Keras reorders, models called with dicts, and unused inputs."""
    q, v = keras.Input((3, 4), name="q"), keras.Input((3, 4), name="v")
    dense = {name: L.Dense(4, name=name)(tensor) for name, tensor in (("a", v), ("b", q), ("c", v))}
    y = L.MultiHeadAttention(2, 2)(query=dense["a"], value=dense["b"], key=dense["c"])
    state = L.GlobalAveragePooling1D()(L.Dense(4, name="d")(q))
    z = L.GRU(4, return_sequences=True)(sequences=L.Dense(4, name="e")(y), initial_state=state)
    left, right, idle = keras.Input((3, 4), name="left"), keras.Input((3, 4), name="right"), keras.Input((3, 4))
    inner = keras.Model([right, idle, left], L.Dense(4, name="in_r")(right) - L.Dense(4, name="in_l")(left))
    w = inner([L.Dense(4, name="f")(z), L.Dense(4, name="g")(y), L.Dense(4, name="h")(z)])
    named = keras.Model([left, right], L.Subtract()([right, L.Dense(4, name="i")(left)]))
    same = L.Dense(4, name="j")(w)
    return keras.Model([q, v], [named({"right": same, "left": L.Dense(4, name="k")(w)}), named([same, same])])


def given_other_dtypes() -> keras.Model:
    """Models called with other dtypes than their declared inputs: Keras casts."""
    raw, half = keras.Input((3, 4), dtype="uint8", name="raw"), keras.Input((4,), dtype="float16", name="half")
    i = keras.Input((4,), name="i")
    scaled = keras.Model(i, i * 3.3, name="scaled")
    j = keras.Input((4,), dtype="int32", name="j")
    whole = keras.Model(j, j * 2, name="whole")
    k, twice = keras.Input((4,), name="k"), L.Dense(4, name="twice")
    shared = keras.Model(k, twice(twice(k)), name="shared")
    steps = L.TimeDistributed(keras.Sequential([keras.Input((4,)), L.ReLU(), L.Dense(2)]), name="steps")
    row = keras.Sequential([keras.Input((3, 4), dtype="uint8"), keras.Sequential([keras.Input((3, 4)), L.ReLU()])])
    return keras.Model([raw, half], [scaled(half), whole(half), shared(half), steps(raw), row(raw)])


def rearranged() -> keras.Model:
    """Operations that move, repeat and pick elements."""
    x, y = keras.Input((4, 3), name="x"), keras.Input((1, 3), name="y")
    rolled = ops.roll(x, (1, -2), (1, 2)) + ops.roll(x, 2, axis=-1)
    first, second, *_ = ops.unstack(x, axis=1)
    third, fourth, fifth = ops.unstack(x=rolled, num=3, axis=-1)
    kept = ops.concatenate([first, second, third, fourth, fifth], axis=-1)
    places = ops.argsort(x, axis=1)
    picked = ops.take_along_axis(rolled, places, axis=1) + ops.take_along_axis(x, np.array([[[0, -1, 2]]]), axis=1)
    table = ops.take_along_axis(np.arange(12.0, dtype="float32").reshape(1, 4, 3), places, axis=-2)
    parts = [ops.slice(picked, (0, 1, 0), (-1, 2, -1)), ops.slice(table, np.array([0, 2, 0]), (-1, 2, 3))]
    turned = picked[:, ::-1, 2:0:-1] + ops.take(x, np.array([2, 0]), axis=2)
    return keras.Model([x, y], [kept, *parts, turned, x * ops.sqrt(ops.cast(6, "float32")) - y])


def products_with_arrays() -> keras.Model:
    """Products of tensors and arrays with other numbers of axes."""
    x = keras.Input((2, 4, 3), name="x")
    draw = np.random.default_rng(3).normal
    y = ops.matmul(x, draw(size=(2, 3, 5)).astype("float32")) + draw(size=(4, 1)).astype("float32")
    z = ops.matmul(draw(size=(1, 2, 2, 4)).astype("float32"), ops.matmul(x, draw(size=3).astype("float32"))[..., None])
    return keras.Model(x, [y, z, ops.matmul(draw(size=4).astype("float32"), x)])


def products_along_axes() -> keras.Model:
    """Sums of products: einsum with letters and with dots, tensordot, dot."""
    x, y = keras.Input((4, 3), name="x"), keras.Input((5, 3), name="y")
    draw = lambda *shape: np.random.default_rng(4).normal(size=shape).astype("float32")  # noqa: E731
    scores = ops.einsum("bij,bkj->bik", x, y)
    heads = ops.einsum("bij,jhk->bhik", x, draw(3, 2, 6))
    several = ops.einsum("...ij,jk,...kl->...il", scores, draw(5, 3), ops.einsum("bij->bji", y))
    inner = ops.einsum("xij,xij->xi", several, scores) + ops.einsum("bii->bi", scores[:, :, :4])
    left = ops.einsum("ij,bjk->bik", draw(2, 4), x)
    outer = ops.tensordot(x, draw(3, 2), axes=1) + ops.tensordot(x, draw(2, 3), axes=((-1,), (1,)))
    whole = ops.tensordot(x, draw(4, 3, 2)) + ops.tensordot(draw(4), ops.expand_dims(outer, 1), axes=[[0], [2]])[:, 0]
    last = ops.dot(x, draw(3)) + ops.dot(ops.dot(x, draw(2, 3, 1)), 0.5)[:, :, 0, 0] + ops.dot(draw(4), x)[:, :1]
    return keras.Model([x, y], [heads, inner, left, whole, last])


def attention_of_heads() -> keras.Model:
    """Attention with a bias and a mask, as tensors and as arrays, and with fewer heads of the keys."""
    q, k = keras.Input((4, 4, 3), name="q"), keras.Input((5, 4, 3), name="k")
    bias = keras.Input((1, 4, 5), name="bias")
    draw = np.random.default_rng(5).normal
    a = ops.dot_product_attention(q, k, k * 2.0, bias, ops.greater(bias, -0.5), 0.3)
    b = ops.dot_product_attention(
        query=a, key=k[:, :, :2], value=k[:, :, 2:], bias=draw(size=(4, 4, 5)).astype("float32")
    )
    c = ops.dot_product_attention(b, a, b, is_causal=True, scale=ops.sqrt(ops.cast(0.2, "float32")))
    return keras.Model([q, k, bias], ops.dot_product_attention(c, q, q, mask=np.tri(4, dtype="bool")))


def operations_on_windows() -> keras.Model:
    """Pools, convolutions with arrays, patches, blocks and other sizes, along one, two and three axes."""
    line, image, volume = keras.Input((9, 2), name="line"), keras.Input((8, 8, 4)), keras.Input((4, 5, 6, 2))
    draw = lambda *shape: np.random.default_rng(6).normal(size=shape).astype("float32")  # noqa: E731
    outputs = [
        ops.average_pool(ops.max_pool(line, 3, strides=1, padding="same"), (2,)),
        ops.conv(line, draw(3, 2, 5), 2, "same"),
        ops.depthwise_conv(line, draw(3, 2, 1), padding="same", dilation_rate=2),
        ops.max_pool(ops.average_pool(image, (3, 2), (2, 1)), 2, data_format="channels_first"),
        ops.conv(image, ops.convert_to_tensor(draw(3, 2, 4, 3)), dilation_rate=(2, 1)),
        ops.depthwise_conv(image, draw(2, 3, 4, 2), 2, "same"),
        ops.conv(volume, draw(2, 2, 3, 2, 3), (1, 2, 1)),
        ops.max_pool(volume, (2, 1, 3)),
        ops.image.extract_patches(image, 3, strides=(2, 1), padding="same"),
        ops.image.extract_patches(ops.image.extract_patches(volume, (2, 2, 2))[:, 0], (2, 3)),
        ops.image.resize(image, (5, 12), "bicubic", antialias=True, crop_to_aspect_ratio=True),
        ops.image.resize(ops.depth_to_space(ops.space_to_depth(image, 4), 2), (3, 3), interpolation="nearest"),
        ops.depth_to_space(image, 2, data_format="channels_first"),
    ]
    return keras.Model([line, image, volume], outputs)


MODELS: dict[str, Callable[[], keras.Model]] = {
    made.__name__: made
    for made in (
        plain_sequential, residual, siamese, shared_three_times, nested_three_deep, several_inputs_nested,
        encoder_decoder, recurrent_wrappers, masked_tokens, masked_shared, masking_and_concatenate, transformer,
        attention_by_hand, constants_without_axes, attention_in_groups, flags_of_calls,
        language_model, subclasses, zeros_for_masks, masks_by_position, masks_of_models, one_dimension,
        three_dimensions,
        squeeze_and_excite, slices, arithmetic, mixed_precision, calls_elsewhere, passed_through, activation_objects,
        preprocessing, sizes_known_later, cropped_at_random, adapted, applied_to_steps, read_by_keyword,
        given_other_dtypes,
        rearranged, products_with_arrays, products_along_axes, attention_of_heads, operations_on_windows,
    )
}  # fmt: skip

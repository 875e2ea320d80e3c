"""Embeddings: the row of an id, or, in reverse, vectors times every row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.explaining.arithmetic.layer_call import LayerCall, at, explains, text
from models.explaining.arithmetic.steps import Step, applied, weighted
from models.layers.core import Embedding, EmbeddingLayer, ReversibleEmbedding
from models.tensors.dtypes import Array


@explains(Embedding)
def embedding(call: LayerCall[EmbeddingLayer]) -> Iterator[Step]:
    """An element of the row of the id."""
    *position, feature = call.index
    row = int(call.inputs[0][tuple(position)])
    axes = at(row, feature)
    terms = weighted("embeddings", axes, call.weight("embeddings", axes), 1.0)
    yield call.last_step(f"{text('embeddings', axes)}, the row {text(call.reads[0], at(*position))}", terms)


@explains(ReversibleEmbedding)
def reversible(call: LayerCall[ReversibleEmbedding]) -> Iterator[Step]:
    """The row of an id; in reverse, a vector times the row of the element's id, and then the soft cap."""
    if not call.layer.reverse:
        yield from embedding(call)
        return
    *position, row = call.index
    features = np.arange(call.layer.output_dim)
    axes = (*at(*position), features)
    values, (name, rows) = call.take(0, axes), _rows(call, row, features)
    terms = weighted(call.reads[0], axes, values, rows.reshape(values.shape))
    formula, cap = f"sum({text(call.reads[0], axes)} * {name})", call.layer.logit_soft_cap
    if cap is None:
        yield call.last_step(formula, terms)
        return
    product = Step(formula, (terms,))
    yield product
    capped = np.full(1, cap * np.tanh(product.total / cap))
    yield call.last_step(f"{cap} * tanh(product / {cap})", applied("product", (), np.full(1, product.total), capped))


def _rows(call: LayerCall[ReversibleEmbedding], row: int, features: Array) -> tuple[str, Array]:
    """Return what vectors are multiplied by, and its notation."""
    tied = call.layer.tie_weights
    name, axes = ("embeddings", (*at(row), features)) if tied else ("reverse_embeddings", (features, *at(row)))
    return text(name, axes), call.weight(name, axes)

"""Scores of a target: one number a row, from the tensors of its terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from models.explaining.targets import TargetTerm
from models.views.slicing import SliceRange

Place = tuple[int | SliceRange, ...]
"""An index or a range for each axis after the batch that a term indexes, none of them negative."""


class Score(NamedTuple):
    """The value of a term for each row, and the unit of the last axis that it was taken from, with an argmax."""

    values: Any
    picks: Any | None


def score(term: TargetTerm, tensor: Any, indices: Any, picks: Any | None) -> Score:
    """Return the score of a tensor with the batch first. `indices` has the integers of the term's index, in order; with
    an argmax, `picks` has the unit of each row, or None for its largest.
    """
    part = (
        _indexed(tensor, term.index.expanded(tensor.shape.rank - 1 - term.is_argmax), indices) if term.index else tensor
    )
    part = part if part.dtype in (tf.float32, tf.float64) else tf.cast(part, tf.float32)
    if not term.is_argmax:
        return Score(tf.reduce_sum(part, axis=list(range(1, part.shape.rank))), None)
    chosen = tf.argmax(part, axis=-1, output_type=tf.int32) if picks is None else picks
    return Score(tf.gather(part, chosen, axis=1, batch_dims=1), chosen)


def _indexed(tensor: Any, parts: Sequence[int | SliceRange], indices: Any) -> Any:
    """Apply the parts of an index; integers are arguments of the function, so that one trace serves every unit."""
    axis, number = 1, 0
    for part in parts:
        if isinstance(part, SliceRange):
            if part != SliceRange():
                ranges = [slice(None)] * axis + [slice(part.start, part.stop, part.step)]
                tensor = tensor[tuple(ranges)]
            axis += 1
        else:
            tensor, number = tf.gather(tensor, indices[number], axis=axis), number + 1
    return tensor


def total(scores: Mapping[TargetTerm, Score]) -> Any:
    """Return the sum of the terms, each with its sign."""
    widest = tf.float64 if any(one.values.dtype == tf.float64 for one in scores.values()) else tf.float32
    return tf.add_n([tf.cast(one.values, widest) * tf.cast(term.sign, widest) for term, one in scores.items()])

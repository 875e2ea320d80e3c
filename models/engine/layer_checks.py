"""Checks before and after Keras shapes a layer, and the translation of Keras' own errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import keras
import tensorflow as tf

from models.engine.block_layer import held_block, unrolled_calls
from models.errors import InvalidDocument, Problem, TooLarge, shown
from models.layers.faults import LayerFault
from models.layers.masks import fits
from models.layers.sizes import Shape, size_of
from models.layers.spatial import shape_text
from models.networks.network import Node

MAX_UNROLLED = 4096
"""Most layer calls that the steps of a sequence are unrolled to: each takes 5 ms to trace."""
MAX_ELEMENTS = 2**44
"""Largest tensor that is still shaped; beyond it TensorFlow's own shape arithmetic overflows and aborts."""


def check_inputs(node: Node, shapes: tuple[Shape, ...], keywords: Mapping[str, tuple[Shape, ...]]) -> None:
    """Check the inputs of a call before Keras sees them. `keywords` has the shapes of its keyword arguments."""
    allowed = node.layer.input_rank
    ranks = (allowed,) if isinstance(allowed, int) else allowed
    for shape in shapes:
        if ranks is not None and len(shape) not in ranks:
            raise InvalidDocument("", [_rank_problem(node, ranks, shape)])
    if node.layer.needs_lengths() and any(length is None for shape in shapes for length in shape[1:]):
        raise InvalidDocument("", [_lengths_problem(node, shapes)])
    with layer_faults(node):
        node.layer.check_shapes(shapes)
        node.layer.check_keywords(shapes, keywords)


def check_masks(node: Node, shapes: Sequence[Shape], masks: Sequence[Shape | None]) -> None:
    """Check that the masks given to a block fit what one of its layers reads."""
    for shape, mask in zip(shapes, masks, strict=False):
        if mask is not None and not fits(mask, shape):
            message = f"{node.address}: the mask that the model around it is given does not fit the input"
            expected, received = f"the leading axes of {shape_text(shape)}", shape_text(mask)
            raise InvalidDocument.at(node.pointer, message, expected=expected, received=received)


def check_applied_masks(node: Node, shapes: tuple[Shape, ...], masks: tuple[Shape | None, ...], *, named: bool) -> None:
    """Check the masks that Keras will apply to the inputs of a call: `named` are those of the call itself."""
    with layer_faults(node):
        node.layer.check_masks(shapes, masks, named=named)


@contextmanager
def layer_faults(node: Node) -> Iterator[None]:
    """Turn a fault that a layer itself reports into an error that points at it."""
    try:
        yield
    except LayerFault as fault:
        pointer = f"{node.pointer}/{fault.field}" if fault.field else node.pointer
        raise InvalidDocument.at(
            pointer,
            f"{node.address}: {fault.message}",
            expected=fault.expected,
            received=fault.received,
            suggestion=fault.suggestion,
        ) from None


AXES = {2: "(batch, features)", 3: "(batch, steps, channels)", 4: "(batch, height, width, channels)",
        5: "(batch, depth, height, width, channels)"}  # fmt: skip
"""The usual axes of each rank, for messages."""


def _rank_problem(node: Node, ranks: tuple[int, ...], shape: Shape) -> Problem:
    expected = " or ".join(f"{rank} axes, {AXES.get(rank, 'the batch first')}" for rank in ranks)
    message = f"{node.address}: {node.layer.type_name()} cannot read an input with {len(shape)} axes"
    received = f"{shape_text(shape)} from {', '.join(node.inputs)}"
    return Problem(node.pointer, message, expected, received, _other_rank(ranks, shape))


def _other_rank(ranks: tuple[int, ...], shape: Shape) -> str:
    """Suggest a fix for the rank. A free first axis may be a declared batch, as in Keras' batch_shape."""
    if len(shape) < min(ranks):
        return "add the missing axis to the input, or a Reshape before"
    without_batch = shown(list(shape[2:])) if len(shape) - 1 in ranks and shape[1] is None else None
    declared = f'leave the batch out of the document\'s "input", as {without_batch}; or ' if without_batch else ""
    return f"{declared}a Flatten, pooling or Reshape before it"


def _lengths_problem(node: Node, shapes: tuple[Shape, ...]) -> Problem:
    message = f"{node.address}: {node.layer.type_name()} must know the size of its input"
    received = ", ".join(shape_text(shape) for shape in shapes)
    return Problem(node.pointer, message, "lengths along every axis", received, 'declare the input\'s size in "input"')


def check_output(node: Node, shape: Shape) -> None:
    """Check that the output is neither empty nor too large, and fits the layer's own last step."""
    with layer_faults(node):
        node.layer.check_output(shape)
    size = size_of(tuple(1 if dimension is None else dimension for dimension in shape))
    if any(dimension is not None and dimension < 1 for dimension in shape):
        message = f"{node.address}: nothing is left of the input"
        raise InvalidDocument.at(
            node.pointer,
            message,
            expected="an output with at least one element along every axis",
            received=f"an output of {shape_text(shape)}",
            suggestion="use padding 'same', a smaller kernel or pool, or a larger input",
        )
    if size is None or size > MAX_ELEMENTS:
        message = f"{node.address}: the output is larger than any machine could hold"
        raise InvalidDocument.at(
            node.pointer, message, expected=f"at most {MAX_ELEMENTS:,} elements", received=f"{shape_text(shape)}"
        )


def check_unrolled(node: Node, keras_layer: keras.Layer, shapes: tuple[Shape, ...]) -> None:
    """Check that a block applied to the steps of a sequence has few enough steps to be unrolled."""
    if held_block(keras_layer) is None or (count := unrolled_calls(keras_layer, shapes[0])) <= MAX_UNROLLED:
        return
    message = f"{node.address}: there are too many steps to write the layers of the block out for each"
    expected, received = f"at most {MAX_UNROLLED:,} layers, each counted once a step", f"{count:,}"
    raise InvalidDocument.at(f"{node.pointer}/inputs", message, expected=expected, received=received)


def output_count_problem(node: Node, count: int) -> Problem:
    """Build the problem of a call that returns another number of outputs than its arguments say."""
    message = f"{node.address}: {node.layer.type_name()} returns another number of tensors than its arguments say"
    return Problem(node.pointer, message, str(len(node.outputs)), str(count))


KERAS_ERRORS = (
    ValueError, TypeError, ArithmeticError, LookupError, AttributeError, AssertionError, NameError, RuntimeError,
    tf.errors.OpError,
)  # fmt: skip
"""Errors that Keras and TensorFlow raise for invalid or unforeseen arguments and shapes."""


@contextmanager
def translating_errors(node: Node) -> Iterator[None]:
    """Turn Keras' refusal of a layer call into an error that points at the layer."""
    try:
        yield
    except KERAS_ERRORS as error:
        raise InvalidDocument("", [_keras_problem(node, error)]) from error


INTERNAL_NAME = re.compile(r"\bl\d+\b")
"""The name of a layer in Keras' messages."""


@contextmanager
def translating_weight_errors(node: Node) -> Iterator[None]:
    """Turn TensorFlow's refusal of a layer's weights into an error that points at the layer, or at its dtype."""
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise TooLarge(f"{node.address}: there is not enough memory for the weights.") from error
    except KERAS_ERRORS as error:
        field = "" if node.layer.dtype is None else "/dtype"
        raise InvalidDocument("", [replace(_keras_problem(node, error), pointer=node.pointer + field)]) from error


SURROUNDINGS = re.compile(
    r"\x1b\[\d+m|^Exception encountered when calling [^\n]*\n+(?=.)|Could not automatically infer [^\n]*:\n+(?=.)"
)
"""Parts of an error message that are removed: where in Keras it was raised, and terminal colours."""


def sentence_of(error: Exception) -> str:
    """Return Keras' own message on one line, truncated."""
    text = SURROUNDINGS.sub("", str(error).strip()).split("\n\nArguments received")[0].split("\n")
    return " ".join(line.strip() for line in text if line.strip())[:400] or type(error).__name__


def _keras_problem(node: Node, error: Exception) -> Problem:
    """Build a problem of Keras' own message, with the document's names in place of internal ones."""
    sentence = INTERNAL_NAME.sub(node.address, sentence_of(error))[:400]
    return Problem(node.pointer, f"{node.address}: Keras refuses this {node.layer.type_name()}: {sentence}")

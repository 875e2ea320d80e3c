"""Encoders of replies at their bounds: formats without tensors, small arrays, large heads."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import InvalidOption
from models.ipc.messages import RunResult, TensorInfo
from models.tensors.json_text import written
from service.engines.pending_result import PendingResult
from service.pictures.rendering import plan_weights_picture
from service.pictures.scaling import Range
from service.pictures.sheet import RenderStyle
from service.responses.tensor_stream import SMALL_BYTES, tensor_pieces
from service.wire.format import encoder_of
from service.wire.formats import JSON
from service.wire.json_values import nested_pieces
from service.wire.stream import HeadThenTensors


def result(*tensors: TensorInfo) -> RunResult:
    """The header of a reply with these tensors."""
    return RunResult(1, (), {}, 0, True, 0.0, 0.0, tensors, ())


def test_a_format_of_words_encodes_no_tensors() -> None:
    """It is the caller's fault."""
    with pytest.raises(TypeError, match="json has no encoder of tensors"):
        encoder_of(JSON)


@pytest.mark.parametrize("shape", [(), (6,), (2, 3), (0,), (2, 0)])
@pytest.mark.parametrize("most", [1, 4, 100])
def test_nested_arrays_are_the_same_in_any_pieces(shape: tuple[int, ...], most: int) -> None:
    """Down to one number per piece, and all in one."""
    array = np.arange(np.prod(shape, dtype=int), dtype=np.int64).reshape(shape)
    text = b"".join(nested_pieces(array, written, most))
    assert text == str(array.tolist()).replace(" ", "").encode()


@pytest.mark.parametrize("size", [10, SMALL_BYTES, 3 * SMALL_BYTES])
async def test_a_head_of_any_length_comes_first(size: int) -> None:
    """A large one is not copied."""
    head, info = b"h" * size, TensorInfo("a", "uint8", (4,), 4)
    pending = PendingResult(RunResult)
    pending.start(result(info), [memoryview(b"data")])
    pieces = [bytes(piece) async for piece in tensor_pieces(HeadThenTensors(head, [info]), pending)]
    assert b"".join(pieces) == head + b"data"
    assert (pieces[0] == head) is (size >= SMALL_BYTES)


def test_a_picture_of_no_weights_is_refused() -> None:
    """There is JSON for a layer without any."""
    with pytest.raises(InvalidOption) as refused:
        plan_weights_picture(result(), RenderStyle("gray", Range("layer"), 1))
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.message) == ("/format", "this layer has no weights to draw")

"""Serialization of messages between front and engine."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args

import msgspec
import pytest

from models.errors.problem import Problem
from models.explaining.editing import Edit
from models.explaining.elements import Element
from models.explaining.questions import Arithmetic, Comparison, Diagnosis, Explanation
from models.explaining.targets import Target, TargetTerm
from models.ipc.arena import Span
from models.ipc.channel import FrameReader, frame
from models.ipc.messages import (
    Analyse,
    Construct,
    Constructed,
    Data,
    DescribeWeights,
    Failed,
    FromEngine,
    FromFront,
    LayerInfo,
    Payload,
    Plan,
    Planned,
    Ready,
    Release,
    Run,
    RunBatch,
    RunResult,
    TensorInfo,
    Weights,
    WeightsDescribed,
)
from models.views.casting import Cast
from models.views.histogram import Histogram
from models.views.reduction import Reduction
from models.views.slicing import SliceRange, SliceView
from models.views.top import Top
from models.views.view import View
from models.weights.specs import WeightsFile, WeightSpec

TENSOR = TensorInfo("block1/conv2d:pre", "bfloat16", (1, 28, 28, 3), 4704)
SCALAR = TensorInfo("weights/bn/gamma", "float32", (), 4)
STATS = {"min": -1.5, "max": 3, "mean": None, "std": 0.1 + 0.2, "zeros": 1 / 3, "nan": 2, "inf": 0}
VIEW = View(
    SliceView((0, None, SliceRange(None, -1, 2), SliceRange()), "0, ..., :-1:2, :", "/slice/conv2d"),
    Reduction("mean", "hw", "/reduce"), Top(3, "/top"), Histogram(4, (-2.0, 1e300), "/histogram"),
    Cast("uint8", "/dtype"),
)  # fmt: skip
RUN = Run(2, "key", b"{}", (TENSOR,), (Payload(b"1"),), ("a",), True, False, False, False, 1, 2)
EXPLANATION = Explanation(
    Target((TargetTerm("dense:pre", None, True), TargetTerm("a", SliceView((7,), "7", "/of"), False, -1.0)), True),
    ("input",), "integrated_gradients", {"steps": 3, "baseline": [[0.5]]}, True,
)  # fmt: skip
FROM_FRONT = [
    Plan(1, b"{}", {}, ("conv2d",), {"conv2d": VIEW, "lstm#1": View(histogram=Histogram(4, None, "/histogram"))}),
    Run(2, "sha256:00", b"{}", (), (), ("a@0",), True, False, True, False, 1, 2, None, {"a@0": VIEW, "b": View()}),
    Plan(1, b"{}", {"left": (None, 28, None, 1), "right": ()}, ("conv2d", "lstm#1")),
    Run(2, "sha256:00", b"{}", (TENSOR, SCALAR), (Payload(b"\x00\xff"), Payload(None, Span(4096, 2**40))), ("a@0",),
        data=True, stats=False, weights=True, training=False, max_bytes=2**40, max_macs=2**62),
    RunBatch((Run(2, "key", b"{}", (TENSOR,), (Payload(b"1"),), ("a",), True, False, False, False, 1, 2),)),
    Plan(1, b"{}", {"a": (1,)}, ("b",), {}, EXPLANATION),
    Run(2, "key", b"{}", (TENSOR,), (Payload(b"1"),), ("a",), True, False, False, False, 1, 2,
        edits=(Edit(0, ("a", "b:pre"), "mean", {"over": "batch"}, (), (0, -1)),
               Edit(1, ("a",), "set", {}, ("value",), None, SliceView((0, None), "0, ...", "/edits/1/slice")))),
    Analyse(9, (RUN, RUN), EXPLANATION),
    Analyse(9, (RUN, RUN), Comparison((("a", "b"), ("c", None), (None, "d")), (1e-3, 0.0), True, ("/a", "/b"))),
    Analyse(9, (RUN,), Diagnosis()),
    Analyse(9, (RUN,), Arithmetic(Element("conv", SliceView((0, -1), "0, -1", "/of")))),
    Weights(3, "key", b"{}", ("a", "b/c"), 10),
    Weights(4, "key", b"{}", None, 10),
    Weights(4, "key", b"{}", None, 10, WeightsFile("/data/weights/ab.safetensors", "ab")),
    DescribeWeights(5, b"{}"),
    Construct(5, b"{}"),
    Release((Span(0, 1), Span(4096, 5))),
]  # fmt: skip
FROM_ENGINE = [
    Ready(({"type": "CPU", "name": "/physical_device:CPU:0"},), {"keras": "3"}, 12.5),
    Failed(5, "invalid_document", "text – “quoted”", (Problem("/layers/0", "message", None, "received"),)),
    Planned(6, b'{"layers":[]}'),
    WeightsDescribed(6, (WeightSpec("conv2d/kernel", (3, 3, 1, 2), "float32", "layers/conv2d/vars/0"),)),
    Constructed(6, b"{}"),
    RunResult(7, (LayerInfo("a", "Conv2D", TENSOR, 30, STATS, (SCALAR,)), LayerInfo("b", "Dense", None, 0)),
        {"input": STATS}, 2**48, True, 0.1, 1e-9, (TENSOR, SCALAR), (Payload(b""),)),
    RunResult(7, (LayerInfo("a", "Conv2D", TENSOR, 30, edited=(0, 2)),), {}, 1, True, 0.1, 0.2, (), (),
        facts={"target": {"values": [0.5], "argmax": [3]}, "warnings": []}),
    Data(8, Payload(None, Span(0, 0))),
    Release(()),
]  # fmt: skip


def round_trip(message: msgspec.Struct, kinds: Any) -> msgspec.Struct:
    """Serialize and parse a message."""
    (received,) = FrameReader[msgspec.Struct](kinds).feed(frame(message))
    return received


@pytest.mark.parametrize("message", FROM_FRONT, ids=lambda message: type(message).__name__)
def test_messages_of_the_front_round_trip(message: msgspec.Struct) -> None:
    """Equal in every member and of the same types: shapes remain tuples, numbers keep every bit."""
    assert round_trip(message, FromFront) == message
    assert repr(round_trip(message, FromFront)) == repr(message)


@pytest.mark.parametrize("message", FROM_ENGINE, ids=lambda message: type(message).__name__)
def test_messages_of_the_engine_round_trip(message: msgspec.Struct) -> None:
    """Equal in every member and of the same types."""
    assert round_trip(message, FromEngine) == message
    assert repr(round_trip(message, FromEngine)) == repr(message)


def test_every_kind_of_message_is_covered() -> None:
    """New messages must be added to this file."""
    assert {type(message) for message in FROM_FRONT} == set(get_args(FromFront))
    assert {type(message) for message in FROM_ENGINE} == set(get_args(FromEngine))


def test_infinite_numbers_round_trip() -> None:
    """Statistics of a layer may be infinite."""
    ran = RunResult(1, (LayerInfo("a", "Dense", None, 0, {"mean": float("inf")}),), {}, 0, False, 0.0, 0.0, (), ())
    assert round_trip(ran, FromEngine) == ran


def test_messages_are_immutable() -> None:
    """Assignment to a member fails."""
    with pytest.raises(AttributeError):
        Span(0, 1).offset = 3  # type: ignore[misc]


def test_messages_do_not_load_tensorflow() -> None:
    """Nor Keras; channel and arena neither, since that would take seconds and half a gigabyte."""
    code = (
        "import sys, models.ipc.messages, models.ipc.channel, models.ipc.arena;"
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

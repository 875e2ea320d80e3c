"""Runs computed as one batch: each gets the result of a single run, up to the last bits."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

import keras
import msgspec
import numpy as np
import orjson
import pytest

from models.engine.batch import Batch
from models.engine.execution import EngineLimits, Execution, Result
from models.engine.process import EngineProcess
from models.engine.tensorflow_setup import prepare
from models.errors import InvalidOption, LayerscopeError, TooLarge
from models.ipc.arena import Arena, anonymous_file
from models.ipc.channel import BlockingChannel
from models.ipc.messages import (
    Data,
    Failed,
    FromEngine,
    FromFront,
    Payload,
    Release,
    Run,
    RunBatch,
    RunResult,
    TensorInfo,
    Weights,
)
from models.layers import LAYERS
from models.layers.layer import Layer
from models.networks.expansion import expand
from models.reading.parse import parse_document
from models.tensors.dtypes import DTYPES
from models.views.reduction import Reduction
from models.views.slicing import parse_slice
from models.views.view import View
from service.routes.layers import example_document

prepare()
Array = np.ndarray[Any, Any]
SIX: dict[str, Any] = {
    "input": [28, 28, 1],
    "layers": [
        {"type": "Conv2D", "filters": 3, "kernel_size": 3, "padding": "same"},
        {"type": "BatchNormalization"},
        {"type": "ReLU"},
        {"type": "MaxPooling2D"},
        {"type": "Flatten"},
        {"type": "Dense", "units": 10, "activation": "softmax"},
    ],
}
TABLE = {"input": {"shape": [3], "dtype": "int64"}, "layers": [{"type": "Embedding", "input_dim": 10, "output_dim": 2}]}


def run_of(document: dict[str, Any], inputs: Sequence[Array], **options: Any) -> Run:
    """Build a run of all outputs for these inputs."""
    network = expand(parse_document(document))
    infos = tuple(TensorInfo(n, a.dtype.name, a.shape, a.nbytes) for n, a in zip(network.inputs, inputs, strict=True))
    values: dict[str, Any] = {
        "outputs": network.layer_outputs, "data": True, "stats": True, "weights": False, "training": False,
        "max_bytes": 2**30, "max_macs": 2**40,
    }  # fmt: skip
    payloads = tuple(Payload(array.tobytes()) for array in inputs)
    return Run(options.pop("id", 1), "key", orjson.dumps(document), infos, payloads, **{**values, **options})


def execution() -> Execution:
    """Build an execution without models."""
    return Execution(EngineLimits(2**31, 2**31), 2**30)


def arrays(result: Result) -> dict[str, Array]:
    """Return the computed arrays by name."""
    pairs = zip(result.tensors, result.buffers, strict=True)
    return {info.name: np.frombuffer(data, DTYPES[info.dtype]).reshape(info.shape) for info, data in pairs}


def test_rows_are_concatenated_and_split() -> None:
    """Two inputs for requests of 2, 1 and 3 rows; a batch of one request is not copied."""
    left, right = np.arange(12).reshape(6, 2), np.arange(6.0)
    parts = [(left[:2], right[:2]), (left[2:3], right[2:3]), (left[3:], right[3:])]
    batch = Batch.of(parts)
    np.testing.assert_array_equal(batch.inputs[0], left)
    np.testing.assert_array_equal(batch.inputs[1], right)
    assert [[array.tolist() for array in share] for share in batch.split((left, right))] == [
        [array.tolist() for array in part] for part in parts
    ]
    assert Batch.of(parts[:1]).inputs is parts[0]


def scaled_inputs(document: dict[str, Any], rows: int, scale: float) -> list[Array]:
    """Draw inputs of a network at this scale; integers are 0 and 1 at any scale."""
    generator = np.random.default_rng(rows)
    specs = expand(parse_document(document)).inputs.values()
    shapes = [(rows, *[length or 5 for length in spec.shape]) for spec in specs]
    return [
        (generator.random(shape) * (scale if DTYPES[spec.dtype].kind not in "iub" else 2)).astype(spec.dtype)
        for shape, spec in zip(shapes, specs, strict=True)
    ]


MEETING = {"MelSpectrogram"}
"""Keras normalizes its decibels by the loudest row."""


@pytest.mark.parametrize("cls", [cls for cls in LAYERS if cls.standalone], ids=lambda cls: cls.type_name())
def test_rows_of_a_batch_are_independent(cls: type[Layer]) -> None:
    """Three requests of different scale get the results of single runs, or the batch is refused."""
    document = example_document(cls)
    inputs = [scaled_inputs(document, rows, scale) for rows, scale in ((1, 1e-4), (3, 1.0), (2, 255.0))]
    requests = [run_of(document, one, stats=False) for one in inputs]
    engine = execution()
    is_exclusive = [arrays(engine.run(request, one)) for request, one in zip(requests, inputs, strict=True)]
    if cls.type_name() in MEETING:
        with pytest.raises(InvalidOption):
            engine.run_batch(requests, inputs)
        return
    for own, result in zip(is_exclusive, engine.run_batch(requests, inputs), strict=True):
        for name, array in arrays(result).items():
            np.testing.assert_allclose(array.astype("f8"), own[name].astype("f8"), rtol=2e-3, atol=1e-4)


def test_layers_that_mix_rows_are_not_batched() -> None:
    """Also when nested in other layers; MelSpectrogram without decibels is independent by row."""
    mel = {"type": "MelSpectrogram", "fft_length": 16, "sequence_stride": 8, "num_mel_bins": 4}
    sound = np.ones((1, 64), np.float32)
    for layer, refused in ((mel, True), ({**mel, "power_to_db": False}, False)):
        request = run_of({"input": [64], "layers": [layer]}, [sound], stats=False)
        if refused:
            with pytest.raises(InvalidOption):
                execution().run_batch([request] * 2, [[sound]] * 2)
        else:
            assert len(execution().run_batch([request] * 2, [[sound]] * 2)) == 2
    held = parse_document({"input": [3, 64], "layers": [{"type": "TimeDistributed", "layer": mel}]}).layers[0]
    assert held.mixes_batch()


def test_views_of_the_batch_axis_count_per_request() -> None:
    """Each request has its own view: four first rows are four rows."""
    view = View(slice=parse_slice("0", "/slice"))
    inputs = [np.zeros((2, 28, 28, 1), np.float32)] * 4
    nbytes = sum(info.nbytes for info in execution().run(run_with_view(inputs[0], view, 2**30), [inputs[0]]).tensors)
    request = run_with_view(inputs[0], view, 3 * nbytes)
    execution().run_batch([request] * 3, [[one] for one in inputs[:3]])
    with pytest.raises(TooLarge):
        execution().run_batch([request] * 4, [[one] for one in inputs])


def run_with_view(picture: Array, view: View, max_bytes: int) -> Run:
    """Build a run with a view of every output."""
    views = dict.fromkeys(expand(parse_document(SIX)).layer_outputs, view)
    return run_of(SIX, [picture], stats=False, views=views, max_bytes=max_bytes)


def test_batched_results_match_keras_and_numpy() -> None:
    """Values, statistics of layers and inputs, and views, for requests of 1, 2 and 4 images."""
    generator = np.random.default_rng(0)
    pictures = [generator.random((rows, 28, 28, 1), np.float32) for rows in (1, 2, 4)]
    views = {"conv2d": View(reduce=Reduction("mean", "hw", "/reduce"))}
    engine = execution()
    results = engine.run_batch([run_of(SIX, [one], views=views) for one in pictures], [[one] for one in pictures])
    symbolic = engine.cache.get("key", lambda: pytest.fail("it is not built twice"))[0].symbolic
    for picture, result in zip(pictures, results, strict=True):
        x, found = keras.ops.convert_to_tensor(picture), arrays(result)
        assert result.inputs["input"]["mean"] == pytest.approx(picture.mean(dtype="f8"))
        for row in result.layers:
            x = symbolic.layers[row.address](x)
            expected = np.asarray(x)
            assert row.stats is not None
            assert row.stats["std"] == pytest.approx(expected.std(dtype="f8"), rel=1e-5)
            shown = expected.mean((1, 2)) if row.address == "conv2d" else expected
            np.testing.assert_allclose(found[row.address], shown, rtol=1e-5, atol=1e-6)


def test_a_batch_is_subject_to_the_limits_of_one_run() -> None:
    """Bytes and multiply-adds are those of the whole batch."""
    picture = np.zeros((1, 28, 28, 1), np.float32)
    for limits in ({"max_bytes": 60_000}, {"max_macs": 60_000}):
        request = run_of(SIX, [picture], **limits)
        execution().run(request, [picture])
        with pytest.raises(TooLarge):
            execution().run_batch([request] * 3, [[picture]] * 3)


class Wire:
    """An engine in this process, and the front's end of its socket."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        files = [anonymous_file(2**20) for _ in range(2)]
        channel = BlockingChannel[FromFront](self.theirs, FromFront)
        self.engine = EngineProcess(channel, Arena(files[0], 2**20), Arena(files[1], 2**20), execution())
        for file in files:
            os.close(file)

    def submit(self, message: msgspec.Struct) -> list[Any]:
        """Send a message, disconnect, and return the engine's messages."""
        front = BlockingChannel[Any](self.ours, FromEngine)
        with self.ours:
            with self.theirs:
                front.send(message)
                self.ours.shutdown(socket.SHUT_WR)
                self.engine.serve()
            return list(front.messages())


@pytest.mark.parametrize("bad", [{0}, {6}, {2, 3}, set(range(7))])
def test_invalid_requests_of_a_batch_fail_alone(bad: set[int]) -> None:
    """Some of seven requests contain ids out of range: those fail, in order, the others get their rows."""
    ids = [np.array([[number, 99 if number in bad else 1, 2]]) for number in range(7)]
    said = Wire().submit(RunBatch(tuple(run_of(TABLE, [one], id=number) for number, one in enumerate(ids))))
    assert [message.id for message in said] == list(range(7))
    assert [message.id for message in said if isinstance(message, Failed)] == sorted(bad)
    for message in said:
        if isinstance(message, RunResult):
            (payload,) = message.payloads
            rows = np.frombuffer(payload.inline or b"", np.float32).reshape(3, 2)
            is_exclusive = arrays(execution().run(run_of(TABLE, [ids[message.id]]), [ids[message.id]]))
            assert rows.tobytes() == is_exclusive["embedding"].tobytes()


def test_nothing_runs_without_a_required_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run, each run of a batch, and weights, which need a built model."""
    monkeypatch.setattr("models.engine.gpu.is_present", lambda: False)
    picture = np.zeros((1, 28, 28, 1), np.float32)
    runs = [run_of(SIX, [picture], id=number) for number in range(2)]
    weights = Weights(0, "key", orjson.dumps(SIX), None, 2**30)
    for message, count in ((runs[0], 1), (RunBatch(tuple(runs)), 2), (weights, 1)):
        wire = Wire()
        wire.engine.require_gpu = True
        assert [(one.id, one.code) for one in wire.submit(message)] == [(number, "no_gpu") for number in range(count)]


def test_a_batch_is_run_once_or_split_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five valid requests are one run; after an error the halves are retried."""
    sizes: list[int] = []
    run = Execution.run_batch

    def counted(self: Execution, requests: Sequence[Run], *others: Any) -> list[Result]:
        sizes.append(len(requests))
        if len(requests) > 2:
            raise LayerscopeError("")
        return run(self, requests, *others)

    picture = np.zeros((1, 28, 28, 1), np.float32)
    batch = RunBatch(tuple(run_of(SIX, [picture], id=number) for number in range(5)))
    assert [type(message) for message in Wire().submit(batch)] == [RunResult] * 5
    monkeypatch.setattr(Execution, "run_batch", counted)
    assert [message.id for message in Wire().submit(batch) if isinstance(message, RunResult)] == list(range(5))
    assert sizes == [5, 2, 3, 1, 2]


def test_batched_tensors_use_shared_memory() -> None:
    """Each request's input spans are released once, large replies are in shared memory."""
    document = {"input": [200, 200], "layers": [{"type": "ReLU"}]}
    wire, generator = Wire(), np.random.default_rng(0)
    inputs = [generator.standard_normal((1, 200, 200)).astype(np.float32) for _ in range(2)]
    spans = [wire.engine.requests.allocate(array.nbytes) for array in inputs]
    runs = []
    for number, (array, span) in enumerate(zip(inputs, spans, strict=True)):
        assert span is not None
        wire.engine.requests.view(span)[:] = array.tobytes()
        run = run_of(document, [array], id=number, stats=False)
        runs.append(msgspec.structs.replace(run, payloads=(Payload(None, span),)))
    said = wire.submit(RunBatch(tuple(runs)))
    assert [message.spans for message in said if isinstance(message, Release)] == [(span,) for span in spans]
    data = [message for message in said if isinstance(message, Data)]
    for array, message in zip(inputs, data, strict=True):
        assert message.payload.span is not None
        assert bytes(wire.engine.replies.view(message.payload.span)) == np.maximum(array, 0).tobytes()

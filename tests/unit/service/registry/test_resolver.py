"""Networks of keras.applications in the front: constructed once, cached within bounds, relabeled."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from models.documents.document import canonical
from models.errors import EngineLost, InvalidDocument, Problem, WeightsUnavailable
from models.ipc.messages import Construct, Constructed
from models.reading.applications import parse_application
from models.reading.parse import parse_document
from service.engines.engine_request import EngineRequest
from service.engines.pending_result import PendingResult
from service.registry.resolver import MAX_CACHED_NETWORKS, ModelResolver

DOCUMENT = {"name": "keras' name", "input": [8, 8, 1], "layers": [{"type": "Flatten"}], "scale": "signed"}


class Constructing:
    """An engine that takes a while, counts its requests, and fails on demand."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.is_asked = asyncio.Event()
        self.failure: Exception | None = None

    async def submit(self, request: EngineRequest[Any]) -> PendingResult[Constructed]:
        """Return the same document for every request."""
        message, pending = request.build_message(1, ()), PendingResult(Constructed)
        assert isinstance(message, Construct)
        self.asked.append(message.arguments)
        self.is_asked.set()
        await asyncio.sleep(0.01)
        if self.failure is not None:
            raise self.failure
        file = "x.h5" if b'"imagenet"' in message.arguments else None
        pending.start(Constructed(1, orjson.dumps(canonical(parse_document(DOCUMENT))), file), [])
        return pending


class Nothing:
    """A weights source without any files."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def cached(self, _: bytes) -> None:
        """Return None."""

    async def get(self, _: bytes, file: str) -> None:
        """Raise WeightsUnavailable."""
        self.asked.append(file)
        raise WeightsUnavailable


def make_resolver() -> tuple[Constructing, ModelResolver]:
    """Build an engine and the resolver that uses it."""
    engine = Constructing()
    return engine, ModelResolver(engine, Nothing())  # type: ignore[arg-type]


async def test_concurrent_reads_construct_once() -> None:
    """Also later reads with other labels or seeds, and with explicit defaults."""
    engine, resolver = make_resolver()
    raw = {"application": "VGG16", "weights": None}
    await asyncio.gather(*(resolver.read({**raw, "seed": seed}) for seed in range(5)))
    labelled = (
        await resolver.read({**raw, "name": "mine", "seed": 7, "classes": 1000, "include_top": True})
    ).architecture.document
    assert len(engine.asked) == 1
    assert (labelled.name, labelled.seed, labelled.scale) == ("mine", 7, "signed")
    assert (await resolver.read(raw)).architecture.document.name == "keras' name"


async def test_the_engine_request_has_equivalent_arguments() -> None:
    """Without those that do not change the graph."""
    engine, resolver = make_resolver()
    raw = {"application": "MobileNet", "weights": None, "alpha": 0.5, "input": [64, None, 3], "include_top": False}
    await resolver.read(orjson.dumps({**raw, "seed": 3}).decode())
    assert parse_application(orjson.loads(engine.asked[0])) == parse_application(raw)


async def test_failures_are_not_cached() -> None:
    """Every waiting read fails; the next one retries."""
    engine, resolver = make_resolver()
    engine.failure = EngineLost()
    raw = {"application": "VGG16", "weights": None}
    failed = await asyncio.gather(*(resolver.read(raw) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in failed] == [EngineLost] * 3
    engine.failure = None
    await resolver.read(raw)
    assert len(engine.asked) == 2


async def test_a_disconnect_does_not_cancel_other_readers() -> None:
    """The shared construction continues."""
    engine, resolver = make_resolver()
    raw = {"application": "VGG16", "weights": None}
    impatient = asyncio.create_task(resolver.read(raw))
    await engine.is_asked.wait()
    impatient.cancel()
    await resolver.read(raw)
    assert len(engine.asked) == 1


async def test_the_cache_is_bounded() -> None:
    """The least recently used document is evicted."""
    engine, resolver = make_resolver()

    async def submit(size: int) -> None:
        await resolver.read({"application": "VGG16", "weights": None, "input": [size, size, 3]})

    for size in range(1, MAX_CACHED_NETWORKS + 1):
        await submit(size)
    await submit(1)
    await submit(MAX_CACHED_NETWORKS + 1)
    await submit(1)
    assert len(engine.asked) == MAX_CACHED_NETWORKS + 1
    await submit(2)
    assert len(engine.asked) == MAX_CACHED_NETWORKS + 2


async def test_problems_point_into_the_request() -> None:
    """At the input if it was sent, at the whole document otherwise."""
    _, resolver = make_resolver()
    document = (await resolver.read({"application": "VGG16", "weights": None})).architecture.document
    error = InvalidDocument("", [Problem("/input/input_layer/shape/0", "x"), Problem("/layers/3/filters", "x")])
    assert [problem.pointer for problem in document.source_map.remap(error).problems] == ["/input", ""]


async def test_other_documents_need_no_engine() -> None:
    """Text and lists included."""
    engine, resolver = make_resolver()
    for raw in ([{"type": "Flatten"}], '{"layers": [{"type": "Flatten"}]}'):
        assert len((await resolver.read(raw)).architecture.document.layers) == 1
    with pytest.raises(InvalidDocument):
        await resolver.read("{")
    assert engine.asked == []


async def test_arguments_are_checked_before_weights_are_fetched() -> None:
    """By an engine, which has Keras' constructor."""
    engine, nothing = Constructing(), Nothing()
    resolver = ModelResolver(engine, nothing)  # type: ignore[arg-type]
    engine.failure = InvalidDocument("alpha")
    with pytest.raises(InvalidDocument):
        await resolver.read({"application": "MobileNetV2", "alpha": 0.36})
    assert nothing.asked == []


async def test_reading_the_graph_fetches_no_weights() -> None:
    """The file is named; a run fetches it and reports when that fails."""
    engine, nothing = Constructing(), Nothing()
    resolver = ModelResolver(engine, nothing)  # type: ignore[arg-type]
    described = await resolver.read_without_fetch({"application": "VGG16", "seed": 3})
    assert (described.weights_to_fetch, described.weights, described.architecture.document.seed) == ("x.h5", None, 3)
    assert nothing.asked == []
    with pytest.raises(WeightsUnavailable):
        await resolver.read({"application": "VGG16"})
    assert (nothing.asked, len(engine.asked)) == (["x.h5"], 1)

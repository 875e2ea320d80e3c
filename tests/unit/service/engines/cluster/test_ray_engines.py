"""Engines on a Ray cluster of two nodes on this machine: stub engines, where no numbers matter."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from models.errors import ClientDisconnected, DeadlineExceeded, Draining, EngineLost, Quarantined, TooLarge
from models.ipc.messages import RunResult
from models.weights.canonical import write_canonical
from models.weights.specs import WeightsFile
from service import cluster
from service.engines.cluster.ray_engine import RayEngine
from service.engines.engine_request import EngineRequest
from service.engines.pool import EnginePool
from service.engines.request_builders import ModelSource, RunSpec, plan_request, run_request, specs_request
from service.settings import Settings
from tests.unit.service.engines.cluster.ray_cluster import NODE, running_cluster
from tests.unit.service.engines.cluster.real_requests import NETWORK, reply_of, requests
from tests.unit.serving import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")
STUB = "tests.stub_engine"
SMALL = np.arange(4, dtype=np.uint8)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """A cluster of two nodes, to which this process is connected."""
    with running_cluster(2) as running:
        yield running


@asynccontextmanager
async def engines_on(nodes: Any, program: str = STUB, **options: Any) -> AsyncIterator[EnginePool]:
    """Run a pool of engines on the cluster, which are ready."""
    engines = EnginePool(Settings(ray=nodes.address, **options), program, RayEngine)
    await engines.start()
    try:
        await wait_until(lambda: all(state.ready for state in engines.states()))
        yield engines
    finally:
        await engines.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engines(nodes: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EnginePool]:
    """Two engines, one on each node, with one folder for weights."""
    folder = tmp_path_factory.mktemp("nodes")
    async with engines_on(
        nodes, engines=2, spare_engines=1, deadline=3.0, queue_seconds=60, ray_folder=str(folder)
    ) as pool:
        yield pool


def run_of(
    array: np.ndarray = SMALL, name: str = "", seed: int = 0, weights: WeightsFile | None = None
) -> EngineRequest[RunResult]:
    """Build a request to run a model on an array; its name has a stub engine misbehave."""
    document = b'{"name": "%s", "seed": %d}' % (name.encode(), seed)
    source = ModelSource(document, weights, f"{name}{seed}")
    request = run_request(source, ["x"], [array], Settings(), RunSpec(("a",)))
    request.trace.client = name
    return request


async def outputs_of(engines: EnginePool, request: EngineRequest[RunResult]) -> list[bytes]:
    """Run a request and return the bytes of its tensors."""
    result = await engines.submit(request)
    return [bytes(view) for view in await result.all_tensors()]


async def until_whole(engines: EnginePool) -> None:
    """Wait until every engine is ready, and check that they serve."""
    await wait_until(lambda: all(state.ready for state in engines.states()))
    assert await outputs_of(engines, run_of()) == [SMALL.tobytes()]


def process_of(engines: EnginePool, number: int = 0) -> int:
    """Return the process id of an engine."""
    pid = engines.states()[number].pid
    assert pid is not None
    return pid


def command_of(pid: int) -> bytes:
    """Return the command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def kept_weights(engines: EnginePool) -> list[bytes]:
    """Return the weights files of the nodes; nothing else is beside them but locks."""
    files = list(Path(engines.settings.ray_folder).iterdir())
    assert {path.suffix for path in files} <= {".safetensors", ".lock"}
    return [path.read_bytes() for path in files if path.suffix == ".safetensors"]


def parent_of(pid: int) -> int:
    """Return the process id of the actor of an engine."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_engines_are_spread_over_nodes(engines: EnginePool) -> None:
    """One on each, as `/readyz` shows them."""
    states = engines.states()
    assert len({state.node for state in states}) == 2
    assert all(state.node.startswith("127.0.0.1 ") or state.node[0].isdigit() for state in states)
    for state in states:
        assert state.pid is not None
        assert b"tests.stub_engine" in command_of(state.pid)


async def test_a_lost_node_costs_the_request_that_ran_there(nodes: Any, engines: EnginePool) -> None:
    """Those that waited run elsewhere, and the engine is started elsewhere. A node that joins later may be used."""
    node = nodes.worker_nodes.copy().pop()
    lost = [state.pid for state in engines.states() if state.node.endswith(node.node_id[:8])]
    assert len(lost) == 1
    tasks = [asyncio.create_task(outputs_of(engines, run_of(name="stall 1.5", seed=seed))) for seed in range(4)]
    await wait_until(lambda: all(slot.running for slot in engines.slots))
    await asyncio.to_thread(nodes.remove_node, node, False)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(result, EngineLost) for result in results) == 1
    assert sum(result == [SMALL.tobytes()] for result in results) == 3
    nodes.add_node(**NODE)
    await until_whole(engines)
    assert not {state.pid for state in engines.states()} & set(lost)


@pytest.mark.parametrize("nbytes", [1, 65536, 65537, 102400, 300_000, 20_000_000])
async def test_arrays_of_all_sizes_come_and_go_unchanged(engines: EnginePool, nbytes: int) -> None:
    """Inline up to 64 KiB, else through the object store, and memory for them is free again afterwards."""
    array = np.random.default_rng(nbytes).integers(0, 256, nbytes, np.uint8)
    for seed in range(4):
        assert await outputs_of(engines, run_of(array, seed=seed)) == [array.tobytes()]
    for name in ("held_bytes", "input_bytes"):
        await wait_until(lambda name=name: not any(getattr(one, name) for one in engines.figures().engines))


async def test_only_large_inputs_are_put_into_the_object_store(engines: EnginePool) -> None:
    """Those over 64 KiB, until the engine has read them; no more than two of the largest requests."""
    engine = engines.slots[0].process
    assert isinstance(engine, RayEngine)
    (small,), (large,) = (engine.payloads([np.zeros(nbytes, np.uint8)]) or () for nbytes in (65536, 65537))
    assert (small.span, len(small.inline or b"")) == (None, 65536)
    assert large.inline is None
    assert large.span is not None
    assert engine.figures().input_bytes == 65537
    assert engine.payloads([np.empty(2 * int(Settings().max_input_bytes), np.uint8)]) is None
    engine._inputs.free([large.span])
    assert engine.figures().input_bytes == 0


async def test_replies_count_for_their_client_until_they_are_read(engines: EnginePool) -> None:
    """A reply of megabytes is held as long as views of it are."""
    result = await engines.submit(run_of(name="large 3000000"))
    views = await result.all_tensors()
    assert [len(view) for view in views] == [3_000_000]
    assert sum(one.held_bytes for one in engines.figures().engines) == 3_000_000
    del views, result
    await wait_until(lambda: not any(one.held_bytes for one in engines.figures().engines))


async def test_runs_keep_their_order_beside_plans(engines: EnginePool) -> None:
    """Many at once, of all sizes, each with its own reply; plans pass them by."""
    arrays = [np.full(1 + 9000 * (index % 12), index, np.uint8) for index in range(60)]
    plan = plan_request(b"{}", {"x": (1,)}, ("a",), {})
    runs = [outputs_of(engines, run_of(array, seed=index % 3)) for index, array in enumerate(arrays)]
    planned = [engines.submit(plan) for _ in range(5)]
    replies = await asyncio.gather(*runs, *planned)
    assert replies[:60] == [[array.tobytes()] for array in arrays]
    assert all(reply.header.result().plan for reply in replies[60:])


async def test_a_request_that_fails_leaves_the_engine_as_it_is(engines: EnginePool) -> None:
    """It gets the error of the engine."""
    before = [state.pid for state in engines.states()]
    with pytest.raises(TooLarge):
        await outputs_of(engines, run_of(name="fail too_large"))
    assert [state.pid for state in engines.states()] == before


async def test_a_request_that_crashes_an_engine_is_lost_alone(engines: EnginePool) -> None:
    """Those behind it run again on another actor; the second crash puts it into quarantine."""
    for _ in range(2):
        crashed = asyncio.create_task(engines.submit(run_of(name="crash")))
        innocent = [asyncio.create_task(outputs_of(engines, run_of(seed=seed))) for seed in range(6)]
        with pytest.raises(EngineLost):
            await crashed
        assert await asyncio.gather(*innocent) == [[SMALL.tobytes()]] * 6
        await until_whole(engines)
    with pytest.raises(Quarantined):
        await engines.submit(run_of(name="crash"))


async def test_a_request_that_overruns_is_stopped(engines: EnginePool) -> None:
    """Its actor is killed, and the engine's process with it."""
    engine = asyncio.create_task(engines.submit(run_of(name="stall")))
    await wait_until(lambda: any(slot.running for slot in engines.slots))
    (number,) = (slot.number for slot in engines.slots if slot.running)
    pid = process_of(engines, number)
    with pytest.raises(DeadlineExceeded):
        await engine
    await wait_until(lambda: not Path(f"/proc/{pid}").exists())
    await until_whole(engines)


@pytest.mark.parametrize("is_actor", [True, False], ids=["actor", "engine"])
async def test_what_dies_is_started_again(engines: EnginePool, is_actor: bool) -> None:
    """An actor that is killed takes its engine with it, and an engine its actor; the request that ran is lost."""
    running = asyncio.create_task(engines.submit(run_of(name="stall 2", seed=is_actor)))
    await wait_until(lambda: any(slot.running for slot in engines.slots))
    (number,) = (slot.number for slot in engines.slots if slot.running)
    pid = process_of(engines, number)
    actor = parent_of(pid)
    os.kill(actor if is_actor else pid, signal.SIGKILL)
    with pytest.raises(EngineLost):
        await running
    await until_whole(engines)
    await wait_until(lambda: not (Path(f"/proc/{pid}").exists() or Path(f"/proc/{actor}").exists()))


async def test_an_engine_that_lies_is_replaced(engines: EnginePool) -> None:
    """As a local one is."""
    with pytest.raises(EngineLost):
        await engines.submit(run_of(name="wrong-id"))
    await until_whole(engines)


def weights_file(folder: Path, content: bytes) -> WeightsFile:
    """Write a weights file of this content."""
    digest = sha256(content).hexdigest()
    path = folder / f"{digest}.safetensors"
    path.write_bytes(content)
    return WeightsFile(str(path), digest)


async def test_weights_come_to_a_node_once(engines: EnginePool, tmp_path: Path) -> None:
    """In parts, through the object store; later requests need the front's file no more."""
    content = np.random.default_rng(0).bytes(20_000_000)
    file = weights_file(tmp_path, content)
    assert await outputs_of(engines, run_of(seed=1, weights=file)) == [SMALL.tobytes()]
    os.unlink(file.path)
    runs = [outputs_of(engines, run_of(seed=seed, weights=file)) for seed in range(8)]
    assert await asyncio.gather(*runs) == [[SMALL.tobytes()]] * 8
    assert kept_weights(engines) == [content]


async def test_weights_that_cannot_be_brought_end_the_engine(engines: EnginePool, tmp_path: Path) -> None:
    """The request is lost, others are served; a damaged file is not kept."""
    before = kept_weights(engines)
    damaged = WeightsFile(weights_file(tmp_path, b"damaged").path, "1" * 64)
    with pytest.raises(EngineLost):
        await engines.submit(run_of(name="damaged", weights=damaged))
    await until_whole(engines)
    assert kept_weights(engines) == before


async def test_stopped_engines_leave_nothing(engines: EnginePool) -> None:
    """Requests that run get the error Draining, and processes end. The last test of these engines."""
    pids = [process_of(engines, number) for number in range(2)]
    tasks = [asyncio.create_task(engines.submit(run_of(name="stall"))) for _ in range(3)]
    await wait_until(lambda: all(slot.running for slot in engines.slots))
    await engines.stop()
    assert [type(error) for error in await asyncio.gather(*tasks, return_exceptions=True)] == [Draining] * 3
    await wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


async def test_engines_join_while_requests_wait_and_leave_when_idle(nodes: Any) -> None:
    """From LAYERSCOPE_ENGINES to LAYERSCOPE_ENGINES_MAX, and back."""
    options = {"engines_max": 2, "ray_idle_seconds": 3, "queue_seconds": 30, "deadline": 120}
    async with engines_on(nodes, engines=1, **options) as engines:
        first = engines.states()[0].pid
        tasks = [asyncio.create_task(outputs_of(engines, run_of(name="stall 0.3", seed=seed))) for seed in range(200)]
        await wait_until(lambda: sum(state.ready for state in engines.states()) == 2)
        assert await outputs_of(engines, run_of(seed=1000)) == [SMALL.tobytes()], "the second one serves it at once"
        for job in [job for slot in engines.slots for job in slot.queued]:
            job.on_disconnect()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results} == {list, ClientDisconnected}
        await wait_until(lambda: len(engines.states()) == 1)
        assert engines.states()[0].pid == first


async def test_nodes_with_other_versions_are_refused(nodes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sentence, when the service starts; an actor that comes to one later ends."""
    cluster.check_nodes({"CPU": 1})
    cluster.check_nodes({"GPU": 1})
    monkeypatch.setattr(cluster, "version", lambda _: "0.0.1")
    cluster.check_nodes({"GPU": 1})
    with pytest.raises(cluster.ClusterUnavailable, match=r"^node [0-9.]+ has layerscope .*, and not 0.0.1; .*same"):
        cluster.check_nodes({"CPU": 1})
    engine, ends = RayEngine(Settings(ray=nodes.address), program=STUB), list[str]()
    engine.on_exit = lambda: ends.append(engine.ending())
    engine.start()
    await wait_until(lambda: bool(ends))
    assert "and not 0.0.1" in ends[0]
    assert engine.ready is None
    await engine.stop()


async def test_real_engines_compute_the_bits_of_local_ones(nodes: Any, tmp_path: Path) -> None:
    """Requests of every kind, with the weights of a seed and of a file: headers and bytes."""
    here, there = EnginePool(Settings()), EnginePool(Settings(ray=nodes.address), make_engine=RayEngine)
    try:
        for engines in (here, there):
            await engines.start()
        await wait_until(lambda: all(engines.states()[0].ready for engines in (here, there)))
        assert there.states()[0].versions == here.states()[0].versions
        described = await (await here.submit(specs_request(NETWORK.document_bytes))).header
        drawn = np.random.default_rng(1)
        arrays = [drawn.random(spec.shape, np.float32) for spec in described.specs]
        path = tmp_path / "weights"
        weights = WeightsFile(str(path), write_canonical(described.specs, arrays, path))
        for request, again in zip(requests(weights), requests(weights), strict=True):
            assert await reply_of(there, again) == await reply_of(here, request)
        assert there.figures().engines[0].resident_bytes > 100 << 20
    finally:
        await asyncio.gather(here.stop(), there.stop())

"""Three instances behind HAProxy as shipped: how often a model is found built, what is lost when instances go and come.

Argument: seconds of load (60). The instances of the load have stub engines, those of the bits real ones.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import tritonclient.http as triton

from acceptance.instances import Instances, running_instances
from acceptance.raw_http import LOST, Answered, answer, request

EXAMPLES = Path(__file__).parent.parent / "examples"
MODELS = 200
WORKERS = 8
MARGIN = 0.1
"""How much more than its part of the models may be built again when an instance goes or comes."""
SETTLED = 4.0
"""Seconds of load after an instance has gone or come, in which every model is asked for several times."""
FOUND = 0.95
"""Least share of requests that meet a built model, after each model was asked for once."""
RUN = json.dumps({"inputs": [[1.0, 2.0]], "data": "none"}).encode()


@dataclass
class Load:
    """Clients that send runs of random models one after the other, on connections that are kept."""

    port: int
    words: Counter[str] = field(default_factory=Counter)
    built: Counter[bool] = field(default_factory=Counter)
    """Replies by whether the model was built already."""
    homes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """For each model the instances that replied in the second half of the time after the event."""
    rebuilt: set[tuple[str, str]] = field(default_factory=set)
    """Models that were built, and where."""
    ended: bool = False

    async def client(self) -> None:
        """Send runs until the load ends; a run that was lost is not sent again."""
        reader = writer = None
        while not self.ended:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            name = f"model-{random.randrange(MODELS)}"
            path = f"/v1/models/{name}/activations"
            writer.write(request("POST", path, RUN, Content_Type="application/json"))
            reply = await answer(reader)  # type: ignore[arg-type]
            self.count(name, reply)
            if reply.status == LOST or reply.headers.get("connection") == "close":
                writer.close()
                writer = None

    def count(self, name: str, reply: Answered) -> None:
        """Count a reply."""
        self.words[reply.word] += 1
        if reply.status == 200:
            instance, cached = reply.headers["x-layerscope-instance"], json.loads(reply.body)["model"]["cached"]
            self.homes[name][instance] += 1
            self.built[cached] += 1
            if not cached:
                self.rebuilt.add((name, instance))

    def home(self, name: str) -> str:
        """Return the instance that a model is sent to: bounded load has few replies come from another."""
        return self.homes[name].most_common(1)[0][0] if self.homes[name] else ""


async def while_loaded(port: int, seconds: float, event: Callable[[], object] = lambda: None) -> Load:
    """Return what clients saw while something happened in a thread, and for a time after it."""
    load = Load(port)
    clients = [asyncio.create_task(load.client()) for _ in range(WORKERS)]
    await asyncio.sleep(0.5)
    await asyncio.to_thread(event)
    await asyncio.sleep(seconds / 2)
    load.homes.clear()  # those of models that move are where they go by now
    await asyncio.sleep(seconds / 2)
    load.ended = True
    await asyncio.gather(*clients)
    return load


def report(what: str, load: Load, parts: int) -> None:
    """Print what clients saw: models built where their requests go, and elsewhere, since bounded load sends requests of
    a busy instance to its neighbour. Fails where a request was lost, or more models moved than one instance of so many
    parts has, and MARGIN.
    """
    moved = sum(load.home(name) == instance for name, instance in load.rebuilt) / MODELS
    by_instance = Counter(load.home(name) for name in load.homes)
    print(f"{what}: {dict(load.words)}; built where they belong {moved:.0%} of {MODELS} models, elsewhere "
          f"{len(load.rebuilt) - moved * MODELS:.0f}; home of {dict(by_instance)}", flush=True)  # fmt: skip
    if set(load.words) != {"200"}:
        raise SystemExit("requests were lost")
    if moved > 1 / parts + MARGIN:
        raise SystemExit("too many models were built again")


def register(client: httpx.Client) -> None:
    """Register every model, and ask once for each."""
    for number in range(MODELS):
        document = {"input": [2], "layers": [{"type": "Dense", "units": 1}], "seed": number}
        client.put(f"/v1/models/model-{number}", json=document).raise_for_status()
    for number in range(MODELS):
        client.post(f"/v1/models/model-{number}/activations", content=RUN,
                    headers={"Content-Type": "application/json"}).raise_for_status()  # fmt: skip


def loads(all_of_them: Instances, seconds: float) -> None:
    """Load the instances, end one, add one, and replace each."""
    port, hosts = all_of_them.port, list(all_of_them.hosts)
    load = asyncio.run(while_loaded(port, seconds))
    found = load.built[True] / load.built.total()
    print(
        f"{load.built.total() / seconds:.0f} runs a second, {found:.2%} of them of a model that was built", flush=True
    )
    report("steady", load, parts=3)
    if found < FOUND:
        raise SystemExit(f"less than {FOUND:.0%} met a built model")

    def event(what: str, parts: int, change: Callable[[], object]) -> None:
        report(what, asyncio.run(while_loaded(port, SETTLED, change)), parts)

    event("one killed", 3, lambda: all_of_them.end(hosts[0], signal.SIGKILL))
    event("one added", 3, lambda: all_of_them.start(hosts[0]))
    event("a fourth", 4, lambda: all_of_them.start("127.0.1.4"))
    event("one less", 4, lambda: all_of_them.end("127.0.1.4"))
    for host in hosts:
        event(f"{host} stops", 3, lambda host=host: all_of_them.end(host))
        event("and starts", 3, lambda host=host: all_of_them.start(host))


def bits(all_of_them: Instances, client: httpx.Client) -> None:
    """Compare the bytes that each instance sends of one registered model, and those that Triton's client gets."""
    document = json.loads((EXAMPLES / "digits.json").read_text())
    client.put("/v1/models/digits", json=document).raise_for_status()
    picture = np.random.default_rng(0).random((2, 28, 28, 1), dtype="f4")
    body = {"inputs": {"shape": picture.shape, "dtype": "float32", "data": picture.ravel().tolist()}, "format": "npz"}
    replies = {
        url: httpx.post(f"{url}/v1/models/digits/activations", json=body, timeout=60).raise_for_status()
        for url in (*all_of_them.urls(), f"http://127.0.0.1:{all_of_them.port}")
    }
    if len({reply.content for reply in replies.values()}) != 1:
        raise SystemExit("the bits differ")
    print(f"the same {len(replies[all_of_them.urls()[0]].content):,} bytes from each of {len(replies)}", flush=True)
    stock(all_of_them.port, picture, replies[all_of_them.urls()[0]].content)


def stock(port: int, picture: np.ndarray, archive: bytes) -> None:
    """Compare the prediction that Triton's client gets through the proxy."""
    client = triton.InferenceServerClient(f"127.0.0.1:{port}")
    metadata = client.get_model_metadata("digits")
    given = triton.InferInput(metadata["inputs"][0]["name"], list(picture.shape), "FP32")
    given.set_data_from_numpy(picture)
    reply = client.infer("digits", [given])
    name = metadata["outputs"][0]["name"]
    expected = np.load(io.BytesIO(archive))[name]
    if reply.as_numpy(name).tobytes() != expected.tobytes():
        raise SystemExit("Triton's client gets other bits")
    print(f"tritonclient: {name} {expected.shape}, the same bits", flush=True)
    client.close()


@contextmanager
def proxied(module: str) -> Iterator[tuple[Instances, httpx.Client]]:
    """Run three instances of a module on one store, behind the proxy."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        all_of_them = stack.enter_context(running_instances(folder, module))
        url = f"http://127.0.0.1:{all_of_them.port}"
        yield all_of_them, stack.enter_context(httpx.Client(base_url=url, timeout=60))


def main() -> None:
    """Print a line for each event."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    with proxied("tests.stub_server") as (all_of_them, client):
        register(client)
        loads(all_of_them, seconds)
    with proxied("service.cli") as (all_of_them, client):
        bits(all_of_them, client)


if __name__ == "__main__":
    main()

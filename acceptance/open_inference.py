"""Every method of Triton's HTTP clients, synchronous and asynchronous, against a real service; prints a table."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from acceptance.live_service import ROOT, Service, relative_error, running
from models.tensors.dtypes import DTYPES

Array = np.ndarray[Any, Any]
NAME = "accepted"
MODEL = {"input": [28, 28, 1], "layers": [{"type": "Flatten"}, {"type": "Dense", "units": 10}]}
IMAGES = np.random.default_rng(0).random((2, 28, 28, 1), np.float32)
COMPRESSIONS = (None, "gzip", "deflate")
TOLERANCE = 1e-6
NOT_OFFERED = {
    "get_trace_settings": (), "update_trace_settings": (), "get_log_settings": (), "update_log_settings": ({},),
    "get_system_shared_memory_status": (), "register_system_shared_memory": ("r", "/r", 4),
    "unregister_system_shared_memory": (), "get_cuda_shared_memory_status": (),
    "register_cuda_shared_memory": ("r", b"", 0, 4), "unregister_cuda_shared_memory": (),
}  # fmt: skip
"""Methods that have to be answered with an error in words, and their arguments."""


@dataclass
class Table:
    """The attempts and their results."""

    rows: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def add(self, ok: bool, *columns: str) -> None:
        """Add one attempt."""
        self.rows[*columns, "ok" if ok else "WRONG"] += 1

    def print(self) -> int:
        """Print the table; returns the number of attempts that went wrong."""
        line = "{:6} {:36} {:13} {:6} {:17} {:>5} {}"
        print(line.format("client", "method", "data", "type", "compression", "times", "result"))
        for (client, method, data, type_, compression, result), count in self.rows.items():
            print(line.format(client, method, data, type_, compression, count, result))
        return sum(count for row, count in self.rows.items() if row[-1] != "ok")


@dataclass
class Client:
    """Either of Triton's clients, and the table its calls go into."""

    name: str
    own: Any
    table: Table

    async def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Return a method's result, awaited where it has to be."""
        made = getattr(self.own, method)(*arguments, **options)
        return await made if inspect.isawaitable(made) else made

    async def try_(self, expected: Callable[[Any], bool], method: str, *arguments: Any, **options: Any) -> None:
        """Note whether a method's result is as expected."""
        self.note(expected(await self.call(method, *arguments, **options)), method)

    async def fails(self, status: str, method: str, *arguments: Any) -> None:
        """Note whether a method is answered with an error of this status, with a message."""
        try:
            await self.call(method, *arguments)
            ok = False
        except InferenceServerException as error:
            ok = error.status() == status and "exception occurred in the client" not in str(error)
        self.note(ok, f"{method}: {status}")

    def note(self, ok: bool, method: str, data: str = "-", type_: str = "-", compression: str = "-") -> None:
        """Add a row to the table."""
        self.table.add(ok, self.name, method, data, type_, compression)


def tensor(array: Array, binary: bool, name: str = "input") -> Any:
    """Return an input as the client makes it."""
    made = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    return made.set_data_from_numpy(array, binary_data=binary)


def output(name: str, binary: bool, classes: int = 0) -> Any:
    """Return an output as the client requests it."""
    return triton.InferRequestedOutput(name, binary_data=binary, class_count=classes)


async def describing(client: Client) -> None:
    """Call the methods without tensors."""
    yes: Callable[[Any], bool] = lambda found: found is True  # noqa: E731
    named: Callable[[Any], bool] = lambda found: found["name"] == NAME  # noqa: E731
    await client.try_(yes, "is_server_live")
    await client.try_(yes, "is_server_ready")
    await client.try_(lambda found: found["name"] == "layerscope", "get_server_metadata")
    await client.try_(lambda found: NAME in [one["name"] for one in found], "get_model_repository_index")
    await client.try_(lambda found: len(found["model_stats"]) >= 1, "get_inference_statistics")
    for version in ("", "1"):
        await client.try_(yes, "is_model_ready", NAME, version)
        await client.try_(named, "get_model_metadata", NAME, version)
        await client.try_(named, "get_model_config", NAME, version)
        await client.try_(lambda found: len(found["model_stats"]) == 1, "get_inference_statistics", NAME, version)
    await client.call("unload_model", NAME)
    await client.try_(lambda found: found is False, "is_model_ready", NAME)
    client.note(True, "unload_model")
    await client.try_(lambda found: found is None, "load_model", NAME)
    await client.fails("400", "load_model", "nobody")
    await client.fails("404", "get_model_metadata", "nobody")
    for method, arguments in NOT_OFFERED.items():
        await client.fails("501", method, *arguments)


async def inferring(client: Client, expected: Array) -> None:
    """Send bytes and JSON both ways, with every compression, and compare with NumPy in double precision."""
    forms = itertools.product((True, False), (True, False), COMPRESSIONS, COMPRESSIONS)
    for binary_in, binary_out, request, response in forms:
        reply = await client.call(
            "infer", NAME, [tensor(IMAGES, binary_in)], outputs=[output("dense", binary_out)],
            request_compression_algorithm=request, response_compression_algorithm=response,
        )  # fmt: skip
        ok = relative_error(reply.as_numpy("dense"), expected) < TOLERANCE
        data = f"{'bytes' if binary_in else 'JSON'} > {'bytes' if binary_out else 'JSON'}"
        client.note(ok, "infer", data, "FP32", f"{request or 'none'} > {response or 'none'}")
    for binary in (True, False):
        classes = await client.call("infer", NAME, [tensor(IMAGES, True)], outputs=[output("dense", binary, 3)])
        best = [[int(str(word).strip("b'").split(":")[1]) for word in row] for row in classes.as_numpy("dense")]
        ok = best == np.argsort(-expected, axis=1)[:, :3].tolist()
        client.note(ok, "infer: classification", "bytes" if binary else "JSON", "BYTES")


async def every_datatype(client: Client, service: Service) -> None:
    """Check that an input comes back as it went, bit for bit."""
    for dtype, of_numpy in DTYPES.items():
        model = {"input": {"shape": [3], "dtype": dtype}, "layers": [{"type": "Flatten"}]}
        service.client.put(f"/v1/models/{dtype}", json=model).raise_for_status()
        array = np.array([[0, 1, 1]], of_numpy)
        for binary in (True, False) if dtype != "bfloat16" else (True,):
            reply = await client.call("infer", dtype, [tensor(array, binary)], outputs=[output("input", binary)])
            ok = reply.as_numpy("input").tobytes() == array.tobytes()
            client.note(ok, "infer", "bytes" if binary else "JSON", np_to_triton_dtype(of_numpy))


async def image(client: Client, service: Service) -> None:
    """Check a file as an element of BYTES against the reply of /v1."""
    file = (ROOT / "examples" / "digit.png").read_bytes()
    posted = service.client.post(f"/v1/models/{NAME}/activations?layers=dense", content=file,
                                 headers={"Content-Type": "image/png"}).json()  # fmt: skip
    reply = await client.call("infer", NAME, [tensor(np.array([file], object), True)])
    ok = np.array_equal(reply.as_numpy("dense"), np.float32(posted["layers"][0]["data"]))
    client.note(ok, "infer: a PNG", "bytes", "BYTES")


async def accept(client: Client, service: Service, expected: Array) -> None:
    """Run all of it with one client."""
    steps: tuple[Awaitable[None], ...] = (
        describing(client), inferring(client, expected), every_datatype(client, service), image(client, service),
    )  # fmt: skip
    for step in steps:
        await step


def reference(service: Service) -> Array:
    """Return the output for IMAGES by NumPy in double precision, from the weights that the service gives."""
    rows = service.client.get(f"/v1/models/{NAME}/weights").json()["layers"]
    kernel, bias = (np.array(weight["data"]) for row in rows for weight in row["weights"])
    return np.asarray(IMAGES.reshape(2, -1).astype(np.float64) @ kernel + bias)


async def main() -> int:
    """Run both clients, one after the other."""
    table = Table()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as service:
        service.client.put(f"/v1/models/{NAME}", json=MODEL).raise_for_status()
        expected, address = reference(service), f"{service.client.base_url.host}:{service.client.base_url.port}"
        with triton.InferenceServerClient(address) as own:
            await accept(Client("sync", own, table), service, expected)
            later = own.async_infer(NAME, [tensor(IMAGES, True)]).get_result()
            ok = relative_error(later.as_numpy("dense"), expected) < TOLERANCE
            table.add(ok, "sync", "async_infer", "bytes", "FP32", "-")
        async with triton_aio.InferenceServerClient(address) as asynchronous:
            await accept(Client("aio", asynchronous, table), service, expected)
    return table.print()


if __name__ == "__main__":
    raise SystemExit(1 if asyncio.run(main()) else 0)

"""Keys and spaces on a real service: every route by every kind of key, a file that changes under load, and where a key
may be seen.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from acceptance.live_service import Service, running
from acceptance.raw_http import answer, request
from service.access.keys import new_key
from tests.api.collector import Collector, collecting

ROLES = {"use": "", "register": "role=register", "admin": "role=admin", "elsewhere": "space=elsewhere role=register"}
NETWORK = {"input": [4], "layers": [{"type": "Dense", "units": 2, "name": "out"}]}
OPEN = {"/", "/healthz", "/readyz", "/docs", "/openapi.json", "/v2/health/live", "/v2/health/ready"}
FOR_ADMIN = {"/metrics"}
PLACES = {"{name}": "net", "{address}": "out"}


@dataclass
class Keyed:
    """A service with a key for each of ROLES, by name."""

    service: Service
    file: Path
    lines: dict[str, str]
    secrets: dict[str, str]

    def ask(self, key: str | None, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send a request with a key; None sends none."""
        headers = {} if key is None else {"Authorization": f"Bearer {self.secrets.get(key, key)}"}
        return self.service.client.request(method, path, headers=headers, **arguments)


def operations(service: Service) -> Iterator[tuple[str, str]]:
    """Yield the method and path of each route: those of the document, and those that it leaves out."""
    paths = service.client.get("/openapi.json").json()["paths"]
    yield from ((method.upper(), path) for path, operations in paths.items() for method in operations)
    for path in [path for path in paths if path.startswith("/v2/models/{name}")]:
        method = "POST" if path.endswith("infer") else "GET"
        yield method, path.replace("{name}", "{name}/versions/1")
    yield from (("GET", "/"), ("GET", "/docs"), ("GET", "/openapi.json"), ("HEAD", "/v1/models"), ("GET", "/nowhere"))


def body_of(method: str, path: str) -> dict[str, Any]:
    """Return arguments with which a request reaches its route's own work."""
    run = {"inputs": [[1.0, 2.0, 3.0, 4.0]]}
    if path in ("/v1/activations", "/v1/plan"):
        return {"json": {"model": NETWORK} | (run if path != "/v1/plan" else {})}
    if path.endswith("/infer"):
        return {"json": {"inputs": [{"name": "input", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}}
    if method == "PUT":
        return {"json": NETWORK} if path == "/v1/models/{name}" else {"content": b"x"}
    return {"json": run if path.endswith("/activations") else {}} if method == "POST" else {}


def expected(method: str, path: str, key: str | None) -> set[int] | None:
    """Return the statuses that a request must have; None: any but a refusal."""
    if path in OPEN:
        return None
    if key in (None, "wrong"):
        return {401}
    if path in FOR_ADMIN:
        return None if key == "admin" else {403}
    changes = method in ("PUT", "DELETE") or path.endswith(("/load", "/unload"))
    if changes and key == "use":
        return {403}
    creates = (method, path) == ("PUT", "/v1/models/{name}")
    return {404, 400} if key == "elsewhere" and "{name}" in path and not creates else None


def table(keyed: Keyed) -> int:
    """Print the statuses of every route by every key; returns the number of wrong ones."""
    keys: list[str | None] = [None, "wrong", "use", "elsewhere", "register", "admin"]
    print(f"{'':52}{'none':>10}" + "".join(f"{key:>10}" for key in keys[1:]))
    wrong = 0
    for method, path in operations(keyed.service):
        cells = []
        for key in keys:
            keyed.ask("register", "PUT", "/v1/models/net", json=NETWORK).raise_for_status()
            for name in ("net", "other"):
                keyed.ask("elsewhere", "DELETE", f"/v1/models/{name}")
            place = path
            for part, value in PLACES.items():
                place = place.replace(part, value)
            status = keyed.ask(key, method, place, **body_of(method, path)).status_code
            must = expected(method, path, key)
            right = status not in (401, 403) if must is None else status in must
            wrong += not right
            cells.append(f"{status}{'' if right else '!':1}")
        print(f"{method + ' ' + path:52}" + "".join(f"{cell:>10}" for cell in cells), flush=True)
    return wrong


async def changed_under_load(keyed: Keyed, duration: float) -> Counter[str]:
    """Count the replies to one key while the file changes twenty times a second."""
    counts, port = Counter[str](), keyed.service.port
    sent = request("GET", "/v1/models/net", X_API_Key=keyed.secrets["use"])
    end = time.perf_counter() + duration

    async def load() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            writer.write(sent)
            counts[(await answer(reader)).word] += 1
        writer.close()

    async def change() -> None:
        number = 0
        while time.perf_counter() < end:
            others = [new_key(f"other-{index}")[1] for index in range(number % 50)]
            keyed.file.write_text("\n".join([*others, *keyed.lines.values()]))
            keyed.service.process.send_signal(1)  # SIGHUP
            number += 1
            await asyncio.sleep(0.05)

    await asyncio.gather(change(), *(load() for _ in range(4)))
    return counts


def command_line(file: Path) -> bytes:
    """Return the arguments of a process, as `ps` shows them; nothing of one that has ended."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


def seen(keyed: Keyed, log: Path, collector: Collector) -> dict[str, int]:
    """Return how often a key, or its digest, is found where it must not be."""
    for secret in keyed.secrets.values():  # in a header that OpenTelemetry reads, and would write to the log
        parent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        keyed.service.client.get("/v1/models", headers=parent | {"X-API-Key": secret, "tracestate": f"{secret} member"})
    metrics = keyed.ask("admin", "GET", "/metrics").text
    processes = b"".join(map(command_line, Path("/proc").glob("[0-9]*/cmdline"))).decode(errors="replace")
    malformed = ["wrong", keyed.secrets["use"][:-1], *(f"{secret} x" for secret in keyed.secrets.values())]
    refusals = [keyed.ask(secret, "GET", "/v1/models").text for secret in malformed]
    refusals += [keyed.ask("use", "PUT", "/v1/models/net", json=NETWORK).text]
    time.sleep(6.0)  # spans are exported every five seconds
    places = {"log": log.read_text(), "metrics": metrics, "command lines": processes, "errors": "\n".join(refusals),
              "traces": "\n".join(map(str, collector.spans))}  # fmt: skip
    words = [*keyed.secrets.values(), *(sha256(secret.encode()).hexdigest() for secret in keyed.secrets.values())]
    return {f"{place} ({len(text)} characters)": sum(map(text.count, words)) for place, text in places.items()}


def main() -> int:
    """Print all of it; returns 1 if something is wrong."""
    made = {name: new_key(name) for name in ROLES}
    lines = {name: f"{line} {ROLES[name]}" for name, (_, line) in made.items()}
    with TemporaryDirectory() as folder, collecting() as collector:
        file, log = Path(folder) / "keys", Path(folder) / "log"
        file.write_text("\n".join(lines.values()))
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
        with running(Path(folder) / "store", log=log, KEYS=str(file), LOG="json") as service:
            keyed = Keyed(service, file, lines, {name: secret for name, (secret, _) in made.items()})
            wrong = table(keyed)
            print(f"{wrong} wrong", flush=True)
            print(f"while the file changes: {dict(asyncio.run(changed_under_load(keyed, 10.0)))}", flush=True)
            found = seen(keyed, log, collector)
            print(f"keys and digests found: {json.dumps(found)}", flush=True)
    return int(wrong > 0 or any(found.values()))


if __name__ == "__main__":
    sys.exit(main())

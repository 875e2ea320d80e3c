"""Requests drawn from the OpenAPI document by schemathesis, against a real service: no 500, no reply it does not have.

Schemathesis has an environment of its own, .schemathesis/, as uv.lock says: it is a plugin of pytest, too, which tests
do without. With `--keyed` first, the service has keys, and the requests one. Other arguments go to `schemathesis run`:
--max-examples 200, --include-path /v1/plan.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from acceptance.live_service import ROOT, Service, running
from service.access.keys import new_key

DOCUMENTS = {
    "digits": {"input": [4, 4, 1], "layers": [{"type": "Conv2D", "filters": 2, "kernel_size": 3},
                                              {"type": "Flatten"}, {"type": "Dense", "units": 2}]},
    "sequence": {"input": [3, 2], "layers": [{"type": "LSTM", "units": 2}, {"type": "Dense", "units": 2}]},
    "doomed": {"input": [2], "layers": [{"type": "Dense", "units": 2}]},
}  # fmt: skip
"""What is registered under the names of openapi.toml."""
NO_IMAGENET = {"FETCH_SECONDS": "1"}
"""Weights of ImageNet are refused soon."""


def schemathesis(url: str, arguments: list[str]) -> int:
    """Return its exit status: 0 where it found nothing."""
    uv = subprocess.run([ROOT / "scripts" / "bootstrap"], capture_output=True, text=True, check=True).stdout.strip()
    environment = os.environ | {"UV_PROJECT_ENVIRONMENT": str(ROOT / ".schemathesis")}
    command = [uv, "run", "--quiet", "--locked", "--only-group", "schemathesis", "schemathesis", "--config-file"]
    config = ROOT / "acceptance" / "openapi.toml"
    return subprocess.run([*command, config, "run", *arguments, url], env=environment, check=False).returncode


def describe(service: Service) -> None:
    """Print how large the document is."""
    document = service.client.get("/openapi.json").json()
    sizes = [len(json.dumps(part, separators=(",", ":"))) / 1000 for part in (document, document["components"])]
    print(f"the document: {sizes[0]:.0f} kB, of which components {sizes[1]:.0f} kB", flush=True)


def keyed(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the settings of a service with one key that may do everything, and the header of a request with it."""
    secret, line = new_key("schemathesis")
    (folder / "keys").write_text(f"{line} role=admin")
    return {"KEYS": str(folder / "keys")}, {"X-API-Key": secret}


def main() -> int:
    """Return the exit status of schemathesis."""
    arguments = sys.argv[1:]
    with TemporaryDirectory() as folder, ExitStack() as stack:
        settings, headers = keyed(Path(folder)) if arguments[:1] == ["--keyed"] else ({}, {})
        sent = [*arguments[bool(headers) :], *(f"--header={name}: {value}" for name, value in headers.items())]
        settings |= {"KERAS_HOME": folder, **NO_IMAGENET}
        service = stack.enter_context(running(Path(folder) / "store", **settings))
        service.client.headers.update(headers)
        for name, document in DOCUMENTS.items():
            service.client.put(f"/v1/models/{name}", json=document).raise_for_status()
        describe(service)
        status = schemathesis(f"{service.client.base_url}/openapi.json".replace("//openapi", "/openapi"), sent)
        service.client.get("/readyz").raise_for_status()
        return status


if __name__ == "__main__":
    sys.exit(main())

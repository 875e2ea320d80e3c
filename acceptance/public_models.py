"""Models of public code, sent to a service: those that scripts build (keras-io's examples), or KerasHub's backbones.

    scripts/acceptance public_models scripts FOLDER     every .py file in a folder, statement by statement
    scripts/acceptance public_models backbones FOLDER   a checkout of keras-hub: what its tests of backbones build

Each model is sent as `.keras` with its own weights, and run on random inputs. Prints what is refused and by which
message, what differs from Keras, and a line of counts; exit code 1 if a model fails or an output has other bits than
Keras' own, called or compiled. What needs data or packages that are not here is left out; COLLECT_PATH names folders of
packages, as PYTHONPATH does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.numpy import load

from acceptance.live_service import ROOT, Service, running

COLLECTORS = {"scripts": "collect_scripts", "backbones": "collect_backbones"}
TOLERANCE = 1e-5


def sources(kind: str, folder: Path) -> list[Path]:
    """Return the files that build models."""
    pattern = "*.py" if kind == "scripts" else "*_backbone_test.py"
    return sorted(folder.rglob(pattern))


def collected(kind: str, source: Path, root: Path, out: Path, seconds: int) -> Iterator[Path]:
    """Run a file in a process of its own, and yield a folder for each model that it builds."""
    command = [sys.executable, str(ROOT / "acceptance" / f"{COLLECTORS[kind]}.py"), str(source), str(out)]
    path = f"{ROOT}:{root}:{os.environ.get('COLLECT_PATH', '')}"
    environment = {"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "HOME": str(out), "KERAS_BACKEND": "tensorflow"}
    try:
        subprocess.run(command, cwd=out, env=environment, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        print(f"{source.name}: over {seconds} seconds", flush=True)
    yield from sorted(folder for folder in out.iterdir() if (folder / "outputs.npz").exists())


def outcome(service: Service, sample: Path) -> tuple[str, str]:
    """Send one model, and return what becomes of it: "same", "close", "other", "refused" or "failed", and why."""
    files = {"weights": ("model.keras", (sample / "model.keras").read_bytes())}
    reply = service.client.put("/v1/models/public", files=files)
    if reply.status_code >= 400:
        return _refusal(reply)
    expected = np.load(sample / "outputs.npz")
    outputs = service.client.get("/v1/models/public").json()["outputs"]
    reply = service.client.post(
        "/v1/models/public/activations",
        params={"layers": ",".join(dict.fromkeys(outputs))},
        files={"tensor": ("inputs.npz", (sample / "inputs.npz").read_bytes())},
        headers={"Accept": "application/vnd.safetensors"},
    )
    if reply.status_code >= 400:
        return _refusal(reply)
    found = load(reply.content)
    return _compared([found[name] for name in outputs], expected)


def _refusal(reply: Any) -> tuple[str, str]:
    problem = reply.json()
    first = (problem.get("errors") or [{}])[0]
    message = f"{first.get('pointer', '')} {first.get('detail') or first.get('message') or problem.get('detail', '')}"
    return ("refused" if reply.status_code < 500 else "failed"), message


def _compared(found: list[Any], expected: Any) -> tuple[str, str]:
    """Compare outputs with those that Keras called, and those that it compiled."""
    worst = 0.0
    for number, one in enumerate(found):
        called, compiled = expected[f"called{number}"], expected[f"compiled{number}"]
        if one.shape != called.shape:
            return "other", f"the shape {one.shape} is {called.shape} in Keras"
        if one.tobytes() not in (called.tobytes(), compiled.tobytes()):
            scale = max(float(np.abs(called).max(initial=0)), 1e-30)
            worst = max(worst, float(np.abs(one.astype("f8") - called.astype("f8")).max(initial=0)) / scale)
    return ("same", "") if not worst else ("close" if worst <= TOLERANCE else "other", f"{worst:.2g} apart")


def main() -> int:
    """Collect, send and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=COLLECTORS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tree", type=Path, default=ROOT, help="the checkout whose service is asked")
    parser.add_argument("--kept", type=Path, help="a folder of models of an earlier run, or for the models of this one")
    parser.add_argument("--seconds", type=int, default=300, help="longest that one file may take to build its models")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    with TemporaryDirectory() as scratch, running(Path(scratch) / "store", tree=options.tree) as service:
        kept = options.kept or Path(scratch) / "models"
        for source in sources(options.kind, options.folder):
            out = kept / "_".join(source.relative_to(options.folder).with_suffix("").parts)
            if not out.exists():
                out.mkdir(parents=True)
                samples = list(collected(options.kind, source, options.folder, out, options.seconds))
            samples = sorted(folder for folder in out.iterdir() if (folder / "outputs.npz").exists())
            for sample in samples:
                what, why = outcome(service, sample)
                counts[what] += 1
                print(what, out.name, sample.name, (sample / "name.txt").read_text(), why[:300], flush=True)
    print(dict(counts))
    return int(bool(counts["failed"] or counts["other"]))


if __name__ == "__main__":
    sys.exit(main())

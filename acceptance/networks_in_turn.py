"""Networks of keras.applications one after the other: an engine stays within its budget, however many come."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from live_service import Service, resident_mib, running

KINDS = ("MobileNetV2", "MobileNet", "MobileNetV3Small", "EfficientNetB0", "DenseNet121", "NASNetMobile", "ResNet50",
         "Xception", "EfficientNetV2B0")  # fmt: skip
REQUESTS = 3
"""Of each network: the first is computed layer by layer, the second compiled."""
BUDGET_MIB = 512
MOST_MIB = 768
"""What an engine may grow by from its start."""
FLAT_MIB = 16
"""What it may grow by over the second half."""


def ask(service: Service, kind: str, side: int) -> None:
    """Runs one network on a picture."""
    model = {"application": kind, "weights": None, "include_top": False, "input": [side, side, 3]}
    inputs = {"dtype": "float32", "shape": [1, side, side, 3], "data": np.zeros((side * side * 3,)).tolist()}
    for _ in range(REQUESTS):
        body = {"model": model, "inputs": inputs, "data": "none"}
        service.client.post("/v1/activations", json=body).raise_for_status()


def main() -> None:
    """A line for each network with what the engine grew by; exit code 1 where that is too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=90)
    options = parser.parse_args()
    grown = []
    with TemporaryDirectory() as folder, running(Path(folder), CACHE_BYTES=f"{BUDGET_MIB}MiB") as service:
        begin = resident_mib(service.engine_pid())
        for number in range(options.count):
            kind, side = KINDS[number % len(KINDS)], 96 + 8 * (number // len(KINDS))
            ask(service, kind, side)
            grown.append(resident_mib(service.engine_pid()) - begin)
            print(f"{number + 1:3} {kind:18} {side:3} +{grown[-1]} MiB", flush=True)
    half = grown[len(grown) // 2 :]
    print(f"+{max(grown)} MiB at the most ({MOST_MIB}), +{half[-1] - half[0]} over the second half ({FLAT_MIB})")
    raise SystemExit(max(grown) > MOST_MIB or half[-1] - half[0] > FLAT_MIB)


if __name__ == "__main__":
    main()

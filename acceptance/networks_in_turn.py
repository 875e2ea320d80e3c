"""Networks of keras.applications one after the other: an engine stays within its budget, however many come."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from acceptance.live_service import Service, resident_mib, running

KINDS = ("MobileNetV2", "MobileNet", "MobileNetV3Small", "EfficientNetB0", "DenseNet121", "NASNetMobile", "ResNet50",
         "Xception", "EfficientNetV2B0")  # fmt: skip
ACTIVATIONS = ("relu", "gelu", "silu", "softmax", "tanh")
REQUESTS = 3
"""Of each network: the first is computed layer by layer, the second compiled."""
BUDGET_MIB = 512
MOST_MIB = 768
"""What an engine may grow by from its start."""
FLAT_MIB = 16
"""What it may grow by in the second half beside the first."""


def ask(service: Service, kind: str, side: int) -> None:
    """Runs one network on a picture."""
    model = {"application": kind, "weights": None, "include_top": False, "input": [side, side, 3]}
    inputs = {"dtype": "float32", "shape": [1, side, side, 3], "data": np.zeros((side * side * 3,)).tolist()}
    for _ in range(REQUESTS):
        body = {"model": model, "inputs": inputs, "data": "none"}
        service.client.post("/v1/activations", json=body).raise_for_status()


def ask_small(service: Service, number: int) -> None:
    """Runs one of many small documents, no two alike."""
    layers = [{"type": "Dense", "units": 1 + number % 50, "activation": ACTIVATIONS[number % len(ACTIVATIONS)]}]
    model = {"input": [8 + number % 7], "seed": number, "layers": [*layers, {"type": "BatchNormalization"}]}
    body = {"model": model, "inputs": [[0.5] * (8 + number % 7)], "data": "none"}
    service.client.post("/v1/activations", json=body).raise_for_status()


def growth(count: int, ask_one: Callable[[Service, int], None], every: int) -> list[int]:
    """Return the MiB that the engine has grown by from its start after each `every` requests."""
    grown = []
    with TemporaryDirectory() as folder, running(Path(folder), CACHE_BYTES=f"{BUDGET_MIB}MiB") as service:
        begin = resident_mib(service.engine_pid())
        for number in range(count):
            ask_one(service, number)
            if (number + 1) % every == 0:
                grown.append(resident_mib(service.engine_pid()) - begin)
                print(f"{number + 1:5} +{grown[-1]} MiB", flush=True)
    return grown


def main() -> None:
    """A line for each network with what the engine grew by; exit code 1 where that is too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=90, help="networks of keras.applications (90)")
    parser.add_argument("--documents", type=int, default=0, help="small documents instead")
    options = parser.parse_args()
    if options.documents:
        grown = growth(options.documents, ask_small, 100)
    else:
        grown = growth(options.count, lambda service, number: ask(service, *network(number)), 1)
    first, second = grown[: len(grown) // 2], grown[len(grown) // 2 :]
    rise = max(second) - max(first)  # renewed engines begin anew: the ends of a half say nothing
    print(f"+{max(grown)} MiB at the most ({MOST_MIB}), {rise:+} in the second half beside the first ({FLAT_MIB})")
    raise SystemExit(max(grown) > MOST_MIB or rise > FLAT_MIB)


def network(number: int) -> tuple[str, int]:
    """A network of keras.applications and the side of its picture."""
    return KINDS[number % len(KINDS)], 96 + 8 * (number // len(KINDS))


if __name__ == "__main__":
    main()

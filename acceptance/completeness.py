"""Integrated gradients of networks of keras.applications with random weights: what their sum misses, and whether the
weights matter to the map.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np

from acceptance.live_service import running

NETWORKS = {
    "MobileNet": 224, "MobileNetV2": 224, "MobileNetV3Small": 224, "NASNetMobile": 224, "EfficientNetB0": 224,
    "DenseNet121": 224, "ResNet50V2": 224, "ConvNeXtTiny": 224, "VGG16": 224, "InceptionV3": 299, "Xception": 299,
}  # fmt: skip
LIMIT, STEPS = 1e-3, 50
"""Largest relative delta of completeness, at this many steps."""
SPEARMAN = 0.3
"""Largest correlation of the ranks of two maps of other weights (Adebayo et al. 2018, arXiv:1810.03292)."""


def explained(client: httpx.Client, name: str, picture: list[Any], seed: int) -> tuple[float, np.ndarray[Any, Any]]:
    """Return the relative delta, and the attributions."""
    model = {"application": name, "weights": None, "seed": seed}
    body = {"model": model, "inputs": picture, "method": "integrated_gradients", "steps": STEPS, "data": "base64"}
    reply = client.post("/v1/explanations", json=body)
    if reply.status_code != 200:
        raise SystemExit(f"{name}: {reply.status_code} {reply.text[:500]}")
    answer = reply.json()
    layer = answer["layers"][0]
    values = np.frombuffer(base64.b64decode(layer["base64"]), layer["dtype"]).reshape(layer["shape"])
    return abs(answer["relative_delta"][0]), values


def spearman(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """Return the correlation of the ranks of two maps."""
    ranks = [np.argsort(np.argsort(np.abs(array).sum(axis=-1).ravel())) for array in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


def main() -> None:
    """Print a line a network; exit with 1 if a delta is over the limit."""
    names = sys.argv[1:] or list(NETWORKS)
    worst = 0.0
    with TemporaryDirectory() as folder, running(Path(folder), DEADLINE="600") as service:
        for name in names:
            size = NETWORKS.get(name, 224)
            picture = np.random.default_rng(1).uniform(0, 255, (1, size, size, 3)).round().tolist()
            delta, first = explained(service.client, name, picture, 0)
            _, second = explained(service.client, name, picture, 1)
            worst = max(worst, delta)
            print(
                f"{name:20} relative delta {delta:.1e}   Spearman with other weights {spearman(first, second):+.2f}",
                flush=True,
            )
    sys.exit(worst > LIMIT)


if __name__ == "__main__":
    main()

"""Explanations of a picture by networks of keras.applications with random weights: what integrated gradients miss of
the score, and whether the weights matter to the map of gradients.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np
from PIL import Image

from acceptance.live_service import running

NETWORKS = {
    "MobileNet": 224, "MobileNetV2": 224, "MobileNetV3Small": 224, "NASNetMobile": 224, "EfficientNetB0": 224,
    "DenseNet121": 224, "ResNet50V2": 224, "ConvNeXtTiny": 224, "VGG16": 224, "InceptionV3": 299, "Xception": 299,
}  # fmt: skip
LIMIT, STEPS = 1e-3, 50
"""Largest relative delta of completeness, at this many steps."""
SPEARMAN = 0.3
"""Largest correlation of the ranks of two maps of other weights (Adebayo et al. 2018, arXiv:1810.03292)."""


def noise(side: int) -> bytes:
    """Return a square picture of random pixels as PNG."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def explained(client: httpx.Client, name: str, picture: bytes, seed: int, **options: Any) -> dict[str, Any]:
    """Return the explanation of a picture, which is scaled as the network takes it."""
    model = json.dumps({"application": name, "weights": None, "seed": seed})
    parts = {"model": (None, model), "image": ("picture.png", picture)}
    reply = client.post("/v1/explanations", files=parts, data={"data": "base64", **options})
    if reply.status_code != 200:
        raise SystemExit(f"{name}: {reply.status_code} {reply.text[:500]}")
    answer: dict[str, Any] = reply.json()
    return answer


def gradients(client: httpx.Client, name: str, picture: bytes, seed: int) -> np.ndarray[Any, Any]:
    """Return the gradients at the picture."""
    layer = explained(client, name, picture, seed, method="gradient")["layers"][0]
    return np.frombuffer(base64.b64decode(layer["base64"]), layer["dtype"]).reshape(layer["shape"])


def spearman(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """Return the correlation of the ranks of two signed maps, summed over channels. Magnitudes follow the strides of
    the network, too, whatever its weights.
    """
    ranks = [np.argsort(np.argsort(array.sum(axis=-1).ravel())) for array in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


def main() -> None:
    """Print a line a network; exit with 1 if a delta or a correlation is over its limit."""
    names = sys.argv[1:] or list(NETWORKS)
    bad = 0
    with TemporaryDirectory() as folder, running(Path(folder), DEADLINE="600", MAX_MACS=str(10**13)) as service:
        for name in names:
            picture = noise(NETWORKS.get(name, 224))
            answer = explained(service.client, name, picture, 0, method="integrated_gradients", steps=str(STEPS))
            delta = abs(answer["relative_delta"][0])
            rank = spearman(*(gradients(service.client, name, picture, seed) for seed in (0, 1)))
            bad += delta > LIMIT or abs(rank) >= SPEARMAN
            print(f"{name:20} relative delta {delta:.1e}   Spearman with other weights {rank:+.2f}", flush=True)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()

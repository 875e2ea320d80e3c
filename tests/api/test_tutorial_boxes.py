"""Tutorial 5: boxes through Dense layers, and large images that are planned but never allocated."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.api.conftest import Reply
    from tests.conftest import Server

MIB = 1024 * 1024
BOXES = np.zeros((64, 4, 2), np.float32)
PICTURES = {
    "input": [1920, 1080, 3],
    "layers": [
        {"type": "Conv2D", "filters": 16, "kernel_size": [5, 5], "strides": 5, "use_bias": False},
        {"type": "Flatten"},
        {"type": "Dense", "units": 1, "use_bias": False},
    ],
}


def dense(units: int, use_bias: bool = False) -> dict[str, Any]:
    """Build a Dense layer of the tutorial."""
    return {"type": "Dense", "units": units, "use_bias": use_bias}


def squeeze(*shape: int) -> dict[str, Any]:
    """`tf.squeeze(…, axis=-1)`: a Reshape to the remaining axes, without the batch."""
    return {"type": "Reshape", "target_shape": list(shape)}


def test_boxes_are_reduced_to_one_number(run: Callable[..., Reply]) -> None:
    """(64, 4, 2) → Dense 1 → (64, 4) → Dense 1 → (64,), with weights (2, 1) and (4, 1)."""
    found = run([dense(1), squeeze(4), dense(1), squeeze()], BOXES)
    assert [found.shape(address) for address in found.addresses()] == [(64, 4, 1), (64, 4), (64, 1), (64,)]
    assert found.weight_shapes("dense") == {"kernel": (2, 1)}
    assert found.weight_shapes("dense_1") == {"kernel": (4, 1)}


@pytest.mark.parametrize(("use_bias", "parameters"), [(False, [6, 3, 4]), (True, [9, 4, 5])])
def test_boxes_are_widened_first(run: Callable[..., Reply], use_bias: bool, parameters: list[int]) -> None:
    """(64, 4, 2) → (64, 4, 3) → (64, 4) → (64,): 13 parameters, and 18 with a bias."""
    layers = [dense(3, use_bias), dense(1, use_bias), squeeze(4), dense(1, use_bias), squeeze()]
    found = run(layers, BOXES)
    assert [found.shape(a) for a in ("dense", "reshape", "reshape_1")] == [(64, 4, 3), (64, 4), (64,)]
    kernels = [found.weights(address)["kernel"].shape for address in ("dense", "dense_1", "dense_2")]
    assert kernels == [(2, 3), (3, 1), (4, 1)]
    assert [found.parameters(address) for address in ("dense", "dense_1", "dense_2")] == parameters
    assert found.body["model"]["parameters"] == sum(parameters) == (18 if use_bias else 13)


def test_plan_of_sixty_four_large_images(plan: Callable[..., Reply]) -> None:
    """64 images of 1920 by 1080: every shape, parameter and byte the tutorial prints or implies."""
    found = plan(PICTURES, batch=64)
    assert found.body["inputs"]["input"]["shape"] == [64, 1920, 1080, 3]
    assert found.body["totals"]["input_bytes"] == 1_592_524_800
    assert found.layer("conv2d")["bytes"] == 339_738_624
    assert {address: (found.shape(address), found.parameters(address)) for address in found.addresses()} == {
        "conv2d": ((64, 384, 216, 16), 1200),
        "flatten": ((64, 1_327_104), 0),
        "dense": ((64, 1), 1_327_104),
    }


def test_receptive_field_of_the_first_layer_is_its_kernel(plan: Callable[..., Reply]) -> None:
    """Only there: 5 by 5, every 5 pixels."""
    assert plan(PICTURES).layer("conv2d")["receptive_field"] == {
        "input": "input", "size": [5, 5], "stride": [5, 5], "offset": [0, 0],
    }  # fmt: skip


def test_pooling_widens_the_receptive_field_without_parameters(plan: Callable[..., Reply]) -> None:
    """After pooling 2 by 2 each value sees 10 by 10 pixels, every 10."""
    found = plan({"input": [1920, 1080, 3], "layers": [PICTURES["layers"][0], {"type": "MaxPooling2D"}]})
    row = found.layer("max_pooling2d")
    assert row["parameters"] == 0
    assert (row["receptive_field"]["size"], row["receptive_field"]["stride"]) == ([10, 10], [10, 10])


def test_planning_allocates_nothing(server: Server) -> None:
    """The engine's peak memory rises by less than 64 MiB while it plans 1.6 GB of input."""
    pid = server.engine_pid()
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # reset the peak (proc(5))
    before = memory(pid, "VmRSS")
    server.plan({**PICTURES, "seed": 4}, batch=64)
    assert server.engine_pid() == pid
    assert memory(pid, "VmHWM") - before < 64 * MIB


def memory(pid: int, row: str) -> int:
    """Return bytes of a process: `VmRSS` now, `VmHWM` at its peak."""
    found = re.search(rf"^{row}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


@pytest.fixture(scope="module")
def picture() -> bytes:
    """A black image of 1920 by 1080, height first as in the tutorial."""
    file = io.BytesIO()
    Image.new("RGB", (1080, 1920)).save(file, "PNG")
    return file.getvalue()


def test_a_run_of_one_image_matches_the_plan(server: Server, picture: bytes) -> None:
    """In addresses, shapes and parameters."""
    fields = {"model": json.dumps(PICTURES), "data": "none"}
    reply = server.post("/v1/activations", files={"image": ("0.png", picture)}, data=fields)
    rows = [(row["address"], row["shape"], row["parameters"]) for row in reply.json()["layers"]]
    assert rows == [("conv2d", [1, 384, 216, 16], 1200), ("flatten", [1, 1_327_104], 0), ("dense", [1, 1], 1_327_104)]


def test_sixty_four_images_are_over_the_limit(server: Server, picture: bytes) -> None:
    """Nothing is decoded, since they exceed the decoding memory of all requests together."""
    files = [("image", (f"{number}.png", picture)) for number in range(64)]
    reply = server.post("/v1/activations", files=files, data={"model": json.dumps(PICTURES), "data": "none"})
    assert reply.status_code == 413
    (problem,) = reply.json()["errors"]
    assert problem["message"] == "decoded, this takes more memory than all requests have together"
    assert problem["expected"].endswith("838,860,800 bytes are set aside")
    assert problem["suggestion"] == "send a smaller batch, or smaller inputs"

"""Assignment of GPUs to engines."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest
import tensorflow as tf

import service.engines.gpus
from models.engine import gpu
from models.errors import DeviceMemory, Internal, LayerscopeError, NoGpu, TooLarge
from service.engines.gpus import Gpu, assign_gpus, engine_count, visible_gpus
from service.engines.process import EngineProcess
from service.settings import Settings

OOM = "OOM when allocating tensor with shape[8,8] and type float on /job:localhost/task:0/device:"
FULL, MACHINE = OOM + "GPU:0 by allocator GPU_0_bfc", OOM + "CPU:0 by allocator cpu"


def tool(folder: Path, text: str) -> None:
    """Install an nvidia-smi that prints a text."""
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\ncat <<'E'\n{text}\nE\n")
    (folder / "nvidia-smi").chmod(0o755)


def test_visible_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As listed by nvidia-smi, else by the driver, limited by CUDA_VISIBLE_DEVICES."""
    monkeypatch.setattr(service.engines.gpus, "DRIVER", tmp_path / "gpus")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert visible_gpus(None) == ()
    for name in ("0000:01:00.0", "0000:02:00.0", "0000:03:00.0"):
        (tmp_path / "gpus" / name).mkdir(parents=True)
    assert visible_gpus(None) == ("0", "1", "2")
    tool(tmp_path, "GPU 0: NVIDIA H100 (UUID: GPU-1)\n  MIG 1g.10gb Device 0: (UUID: MIG-1)\nGPU 1: NVIDIA H100")
    assert visible_gpus(None) == ("0", "1")
    tool(tmp_path, "No devices were found")
    assert visible_gpus(None) == ()
    given = {"": (), "-1": (), "3": ("3",), "2, GPU-7": ("2", "GPU-7"), "1,-1,0": ("1",)}
    assert {text: visible_gpus(text) for text in given} == given


def test_a_tool_that_fails_leaves_the_driver_to_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An nvidia-smi without a driver exits with an error, or cannot be executed at all."""
    monkeypatch.setattr(service.engines.gpus, "DRIVER", tmp_path / "gpus")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    (tmp_path / "gpus" / "0000:01:00.0").mkdir(parents=True)
    for text in ("#!/bin/sh\necho GPU 0: one; echo GPU 1: two; exit 9\n", "#!/no/such/interpreter\n"):
        (tmp_path / "nvidia-smi").write_text(text)
        (tmp_path / "nvidia-smi").chmod(0o755)
        assert visible_gpus(None) == ("0",)


def test_gpus_are_assigned_round_robin() -> None:
    """Engines that share a GPU divide its memory; without GPUs nothing is set."""
    assert assign_gpus(("0", "GPU-7"), 2) == [Gpu("0", 1.0), Gpu("GPU-7", 1.0)]
    assert assign_gpus(("4", "5"), 3) == [Gpu("4", 0.5), Gpu("5", 1.0), Gpu("4", 0.5)]
    assert assign_gpus((), 2) == [Gpu(), Gpu()]
    (only,), (none,) = assign_gpus(("4",), 1), assign_gpus((), 1)
    assert [only.environment, none.environment] == [{"CUDA_VISIBLE_DEVICES": "4"}, {}]


def test_auto_is_one_engine_per_gpu() -> None:
    """At least one; a number is used as it is."""
    assert [engine_count("auto", gpus) for gpus in ((), ("0",), ("0", "1", "2"))] == [1, 1, 3]
    assert engine_count(2, ("0", "1", "2")) == 2
    assert Settings(engines="auto").engines == "auto"


async def test_an_engine_is_started_with_its_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """In its environment, before TensorFlow is imported, with its share of the memory."""
    started: dict[str, object] = {}

    def popen(arguments: list[str], **options: object) -> None:
        started.update(options, arguments=arguments)
        raise OSError("no more")

    monkeypatch.setattr("service.engines.launch.subprocess.Popen", popen)
    process = EngineProcess(Settings(require_gpu=True), Gpu("GPU-7", 0.5))
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="no more"):
        process.start()
    assert set(os.listdir("/proc/self/fd")) == before, (
        "what was made for an engine that cannot be started is still open"
    )
    assert started["env"] == {**service.environment.engine_environment(), "CUDA_VISIBLE_DEVICES": "GPU-7"}
    assert {"--gpu-percent=50", "--require-gpu=1"} < set(started["arguments"])  # type: ignore[call-overload]
    assert process.state().gpu == "GPU-7"


def test_engines_on_a_shared_gpu_have_a_memory_limit() -> None:
    """A fraction allocated as needed; a sole engine has none."""
    assert gpu.gpu_options(50).per_process_gpu_memory_fraction == 0.5
    assert gpu.gpu_options(100).per_process_gpu_memory_fraction == 0.0


def chain_errors(error: LayerscopeError, cause: Exception) -> LayerscopeError:
    """Chain an error to its cause."""
    try:
        raise error from cause
    except LayerscopeError as raised:
        return raised


def test_a_full_gpu_is_reported_as_device_memory() -> None:
    """Whatever it was wrapped in; out of host memory is unchanged."""
    full, machine = (tf.errors.ResourceExhaustedError(None, None, text) for text in (FULL, MACHINE))
    for made in (TooLarge("no memory"), Internal("a defect")):
        assert isinstance(gpu.client_error(chain_errors(made, full)), DeviceMemory)
        assert gpu.client_error(chain_errors(made, machine)) is made
    assert gpu.client_error(plain := TooLarge("other")) is plain


def test_cyclic_causes_end() -> None:
    """Re-raising an error while its consequence is handled makes it one of its own causes."""
    made, other = TooLarge("no memory"), ValueError()
    made.__context__, other.__context__ = other, made
    assert list(islice(gpu.causes(made), 3)) == [made, other]


def test_a_required_gpu_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of a silent fallback to the CPU."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
    with pytest.raises(NoGpu):
        gpu.require_gpu()
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    gpu.require_gpu()

"""Which GPU an engine is given."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest
import tensorflow as tf

import service.gpus
from models.engine import gpu
from models.errors import DeviceMemory, Internal, LayerscopeError, NoGpu, TooLarge
from service.engine_process import EngineProcess
from service.gpus import Gpu, engine_count, shared_out, visible_gpus
from service.settings import Settings

OOM = "OOM when allocating tensor with shape[8,8] and type float on /job:localhost/task:0/device:"
FULL, MACHINE = OOM + "GPU:0 by allocator GPU_0_bfc", OOM + "CPU:0 by allocator cpu"


def tool(folder: Path, text: str) -> None:
    """An nvidia-smi that prints a text."""
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\ncat <<'E'\n{text}\nE\n")
    (folder / "nvidia-smi").chmod(0o755)


def test_the_gpus_of_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As nvidia-smi lists them, else as the driver does, else none; as far as CUDA_VISIBLE_DEVICES leaves them."""
    monkeypatch.setattr(service.gpus, "DRIVER", tmp_path / "gpus")
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


def test_each_engine_has_its_own() -> None:
    """Engine n that of n mod the number of GPUs; those that meet on one share its memory; nothing is said of none."""
    assert shared_out(("0", "GPU-7"), 2) == [Gpu("0", 1.0), Gpu("GPU-7", 1.0)]
    assert shared_out(("4", "5"), 3) == [Gpu("4", 0.5), Gpu("5", 1.0), Gpu("4", 0.5)]
    assert shared_out((), 2) == [Gpu(), Gpu()]
    assert [one.environment for one in shared_out(("4",), 1) + shared_out((), 1)] == [{"CUDA_VISIBLE_DEVICES": "4"}, {}]


def test_auto_is_one_engine_a_gpu() -> None:
    """And one where there is none; a number is a number."""
    assert [engine_count("auto", gpus) for gpus in ((), ("0",), ("0", "1", "2"))] == [1, 1, 3]
    assert engine_count(2, ("0", "1", "2")) == 2
    assert Settings(engines="auto").engines == "auto"


async def test_an_engine_starts_with_its_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before TensorFlow is imported there: in its environment; and with its part of the memory."""
    started: dict[str, object] = {}

    def popen(arguments: list[str], **options: object) -> None:
        started.update(options, arguments=arguments)
        raise OSError("no more")

    monkeypatch.setattr("service.engine_process.subprocess.Popen", popen)
    process = EngineProcess(Settings(require_gpu=True), Gpu("GPU-7", 0.5))
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="no more"):
        process.start()
    assert set(os.listdir("/proc/self/fd")) == before, (
        "what was made for an engine that cannot be started is still open"
    )
    assert started["env"] == {**service.settings.engine_environment(), "CUDA_VISIBLE_DEVICES": "GPU-7"}
    assert {"--gpu-percent=50", "--require-gpu=1"} < set(started["arguments"])  # type: ignore[call-overload]
    assert process.state().gpu == "GPU-7"


def test_two_engines_on_one_gpu_have_a_limit_each() -> None:
    """As a part of its memory, taken as needed; an engine alone has none."""
    assert gpu.options(50).per_process_gpu_memory_fraction == 0.5
    assert gpu.options(100).per_process_gpu_memory_fraction == 0.0


def caused(error: LayerscopeError, cause: Exception) -> LayerscopeError:
    """The error as it is made of another."""
    try:
        raise error from cause
    except LayerscopeError as raised:
        return raised


def test_a_full_gpu_is_nobodys_fault() -> None:
    """Whatever is made of it on its way; a machine without memory stays what it was."""
    full, machine = (tf.errors.ResourceExhaustedError(None, None, text) for text in (FULL, MACHINE))
    for made in (TooLarge("no memory"), Internal("a defect")):
        assert isinstance(gpu.told(caused(made, full)), DeviceMemory)
        assert gpu.told(caused(made, machine)) is made
    assert gpu.told(plain := TooLarge("other")) is plain


def test_causes_that_lead_back_to_an_error_end() -> None:
    """An error that is raised again while what it caused is handled is among its own causes."""
    made, other = TooLarge("no memory"), ValueError()
    made.__context__, other.__context__ = other, made
    assert list(islice(gpu.causes(made), 3)) == [made, other]


def test_without_a_required_gpu_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than on something else, in silence."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
    with pytest.raises(NoGpu):
        gpu.require()
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    gpu.require()

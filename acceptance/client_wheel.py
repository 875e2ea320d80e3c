"""The built wheel of the Python client in an empty environment: what it installs, and ten lines against a service.

    scripts/acceptance client_wheel

The environment has the wheel and what it requires, and no Keras: the model is one that has `to_json()` and
`get_weights()`. Then the same environment sees the Keras of this one, and the model has a layer of its author's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

from acceptance.live_service import ROOT, running

LINES = """
import json, sys
import numpy as np
from layerscope_client import Layerscope
class Model:  # as Keras' own
    to_json = lambda self: json.dumps({"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 28, 28, 1], "name": "i", "dtype": "float32"}},
        {"class_name": "Conv2D", "config": {"name": "conv2d", "filters": 2, "kernel_size": [3, 3]}}]}})
    get_weights = lambda self: [np.ones((3, 3, 1, 2), np.float32), np.zeros(2, np.float32)]
ls = Layerscope(sys.argv[1])
run = ls.put("mine", Model()).activations(sys.argv[2])
print(run["conv2d"].shape, run["conv2d"].max(), len(run.picture("conv2d", channel=0)), "bytes of PNG")
"""
KERAS = """
import sys
import keras
from layerscope_client import Layerscope
class Squared(keras.layers.Layer):
    def call(self, x):
        return x * x
model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(4, 3, name="conv"), Squared(name="squared")])
run = Layerscope(sys.argv[1]).put("own", model).activations(sys.argv[2])
print(run["conv"].shape, run["squared/multiply"].shape, len(run.picture("conv", channel=0)), "bytes of PNG")
"""


def main() -> None:
    """Build, install, run."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        uv = subprocess.run([ROOT / "scripts/bootstrap"], capture_output=True, text=True, check=True).stdout.strip()
        subprocess.run(
            [uv, "build", "--quiet", "--package", "layerscope-client", "--out-dir", folder], cwd=ROOT, check=True
        )
        (wheel,) = folder.glob("*.whl")
        print(f"{wheel.name}: {wheel.stat().st_size:,} bytes")
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        python = folder / "venv" / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True)
        subprocess.run([python, "-m", "pip", "list", "--format=freeze"], check=True)
        with running(folder / "store") as service:
            url = str(service.client.base_url)
            digit = str(ROOT / "examples" / "digit.png")
            subprocess.run([python, "-c", LINES, url, digit], cwd=folder, check=True)
            with_keras = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib"), "TF_CPP_MIN_LOG_LEVEL": "3"}
            command = [python, "-W", "error::UserWarning", "-c", KERAS, url, digit]
            subprocess.run(command, cwd=folder, env=with_keras, check=True)


if __name__ == "__main__":
    main()

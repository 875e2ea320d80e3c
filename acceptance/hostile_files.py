"""Hostile weights files, uploaded to a real service: status, time and memory."""

from __future__ import annotations

import io
import json
import shutil
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import keras
import numpy as np

from acceptance.live_service import Service, begin_peak, resident_mib, running

DOCUMENT = {"input": [4], "layers": [{"type": "Dense", "units": 2, "use_bias": False}]}
PLACE = "layers/dense/vars/0"
MEBIBYTE = 2**20


def honest(path: Path) -> None:
    """A file as Keras writes it, to compare with."""
    with h5py.File(path, "w") as file:
        file[PLACE] = np.ones((4, 2), "f4")


def h5_of_gigabytes(path: Path) -> None:
    """An .h5 that declares 3.7 GiB and holds none."""
    with h5py.File(path, "w") as file:
        file.create_dataset(PLACE, (1_000_000_000,), "f4", chunks=(1_000_000,), fillvalue=1)


def h5_with_an_external_link(path: Path) -> None:
    """An .h5 whose weights are a link into another file."""
    with h5py.File(path, "w") as file:
        file.create_group("layers/dense/vars")["0"] = h5py.ExternalLink("/etc/passwd", "/")


def h5_of_another_files_bytes(path: Path) -> None:
    """An .h5 whose data lies in /etc/passwd."""
    with h5py.File(path, "w") as file:
        file.create_dataset(PLACE, (4, 2), "f4", external=[("/etc/passwd", 0, 32)])


def keras_with_a_lambda(path: Path) -> None:
    """A .keras with code in a Lambda."""
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x), keras.layers.Dense(2)])
    inner.save(path.with_suffix(".keras"))
    shutil.move(path.with_suffix(".keras"), path)


def keras_bomb(path: Path) -> None:
    """A .keras of 900 MiB of zeros in 0.9 MB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).to_json())
        with file.open("model.weights.h5", "w") as member:
            for _ in range(900):
                member.write(bytes(MEBIBYTE))


def npz_bomb(path: Path) -> None:
    """An .npz whose one tensor has 900 MiB of zeros behind it."""
    start = io.BytesIO()
    np.save(start, np.ones((4, 2), "f4"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("arr_0.npy", "w") as member:
        member.write(start.getvalue())
        for _ in range(900):
            member.write(bytes(MEBIBYTE))


def safetensors_of_a_million(path: Path) -> None:
    """A .safetensors of a million empty tensors."""
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    header = json.dumps({str(number): entry for number in range(1_000_000)}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)


FILES: list[Callable[[Path], None]] = [
    honest, h5_of_gigabytes, h5_with_an_external_link, h5_of_another_files_bytes, keras_with_a_lambda, keras_bomb,
    npz_bomb, safetensors_of_a_million,
]  # fmt: skip


class ReaderWatch(threading.Thread):
    """Watch of the peak memory of the processes that read HDF5 for a service, in MiB."""

    def __init__(self, parent: int) -> None:
        super().__init__(daemon=True)
        self._parent, self.peak, self.ended = parent, 0, False

    def run(self) -> None:
        """Watch until `ended`."""
        while not self.ended:
            for children in Path(f"/proc/{self._parent}/task").glob("*/children"):
                for pid in children.read_text().split():
                    self._look(int(pid))
            time.sleep(0.005)

    def _look(self, pid: int) -> None:
        try:
            if b"hdf5_process" in Path(f"/proc/{pid}/cmdline").read_bytes():
                self.peak = max(self.peak, resident_mib(pid, "VmHWM"))
        except (OSError, IndexError):
            return  # it has just ended


def upload(service: Service, make: Callable[[Path], None], folder: Path) -> None:
    """Print one row of the table."""
    path = folder / make.__name__
    make(path)
    front, engine = service.process.pid, service.engine_pid()
    before = resident_mib(front), resident_mib(engine)
    begin_peak(front)
    watch = ReaderWatch(front)
    watch.start()
    started = time.perf_counter()
    with path.open("rb") as file:
        model = {} if make.__name__.startswith("keras") else {"model": json.dumps(DOCUMENT)}
        reply = service.client.put("/v1/models/m", files={**model, "weights": file})
    seconds = time.perf_counter() - started
    watch.ended = True
    problem = reply.json().get("errors", [{"pointer": "", "message": "stored"}])[0]
    answer = f"{reply.status_code} {problem['pointer']} {problem['message']}"
    peak, after = resident_mib(front, "VmHWM"), (resident_mib(front), resident_mib(engine))
    print(f"| {make.__doc__} | {path.stat().st_size:,} | {answer} | {seconds:.2f} | {before[0]} → {peak} → {after[0]} "
          f"| {before[1]} → {after[1]} | {watch.peak} |", flush=True)  # fmt: skip


def main() -> None:
    """Print a table in Markdown; memory in MiB."""
    print("| file | bytes | answer | seconds | front: before, peak, after | engine: before, after | HDF5's process |")
    print("|---|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder, running(Path(folder) / "store") as service:
        for make in FILES:
            upload(service, make, Path(folder))
        names = [entry["name"] for entry in service.client.get("/v1/models").json()["models"]]
        left = [path for path in (Path(folder) / "store" / "tmp").rglob("*") if path.is_file()]
        print(f"models stored: {names}; files left on their way: {len(left)}")


if __name__ == "__main__":
    main()

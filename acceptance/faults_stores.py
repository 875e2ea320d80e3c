"""Reported faults 7 of the store: read-only, damaged, without `tmp`; each with a service of its own."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.numpy import save

from acceptance.fault_rows import Answer, Ask, Row, asked, right
from acceptance.live_service import Service, running

NAME, OTHER = "kept", "fresh"
LIVE = "/healthz"
"""The path that answers before an engine is ready."""
PATH = f"/v1/models/{NAME}"
DOCUMENT: dict[str, Any] = {"input": [2], "layers": [{"type": "Dense", "units": 1}]}
WEIGHTS = save({"dense/kernel": np.array([[1], [2]], "f4"), "dense/bias": np.array([3], "f4")})
ROWS: Any = [[1.0, 2.0]]
VALUE = np.array([[8.0]], "f4")
"""1 · 1 + 2 · 2 + 3."""
RUN = asked("POST", f"{PATH}/activations", json={"inputs": ROWS})
UNPRIVILEGED = """
import ctypes, os, sys
for capability in (1, 2):  # what lets root write and read everything: CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "service.cli", *sys.argv[1:]])
"""
"""A service that permissions of files hold for, also where root starts it."""


def filled(data_dir: Path, tree: Path) -> None:
    """Make a store with one model and its weights."""
    with running(data_dir, tree=tree) as service:
        files = {"model": json.dumps(DOCUMENT).encode(), "weights": WEIGHTS}
        service.client.put(PATH, files=files).raise_for_status()


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Take away the permission to write below a folder, for the block."""
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for one in folders:
        one.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        yield
    finally:
        for one in folders:
            one.chmod(stat.S_IRWXU)


class Stores:
    """Stores of one checkout: filled once, and copied for each row."""

    def __init__(self) -> None:
        self._filled: dict[Path, Path] = {}
        self._folder = TemporaryDirectory()

    def copy(self, tree: Path, target: Path) -> Path:
        """Return a new copy of the filled store of a checkout."""
        if tree not in self._filled:
            self._filled[tree] = Path(self._folder.name) / str(len(self._filled))
            filled(self._filled[tree], tree)
        return shutil.copytree(self._filled[tree], target)


STORES = Stores()


def over(spoil: Callable[[Path], None], *asks: Ask, ready: str = "/readyz") -> Ask:
    """Return questions to a service over a spoiled store: the last answer, or that it did not start."""

    def ask(service: Service) -> Answer:
        with TemporaryDirectory() as folder:
            data_dir, log = STORES.copy(service.tree, Path(folder) / "store"), Path(folder) / "log"
            spoil(data_dir)
            try:
                with running(data_dir, ready=ready, tree=service.tree, log=log) as own:
                    return [one(own) for one in asks][-1] if asks else Answer("started", log.read_text())
            except SystemExit:
                return Answer("did not start", (log.read_text().strip().splitlines() or [""])[-1])

    return ask


def read_only(ask: Ask) -> Ask:
    """Return a question to a service that may not write to its store."""

    def answer(service: Service) -> Answer:
        with TemporaryDirectory() as folder:
            data_dir = STORES.copy(service.tree, Path(folder) / "store")
            command = ("-c", UNPRIVILEGED, "serve")
            with unwritable(data_dir), running(data_dir, command, tree=service.tree) as own:
                return ask(own)

    return answer


def read_only_stores() -> Iterator[Row]:
    """Yield requests that write, and a run, over a store that is read-only."""
    told = right(503, says=("store_read_only",))
    requests = {
        "PUT": asked("PUT", f"/v1/models/{OTHER}", json=DOCUMENT),
        "an upload of weights": asked("PUT", f"{PATH}/weights", content=WEIGHTS),
        "DELETE": asked("DELETE", PATH),
    }
    for what, ask in requests.items():
        yield Row("7", f"a read-only store: {what}", told, read_only(ask))
    yield Row("7", "a read-only store: a run", right(200, value=VALUE), read_only(RUN))


def cut_document(data_dir: Path) -> None:
    """Cut the bytes of the stored document."""
    (file,) = (data_dir / "objects").glob("*.json")
    file.chmod(stat.S_IRWXU)
    file.write_bytes(file.read_bytes()[:-4])


def without_tmp(ask: Ask) -> Ask:
    """Return a question to a service whose `tmp` was removed while it runs."""

    def answer(service: Service) -> Answer:
        with TemporaryDirectory() as folder:
            data_dir = STORES.copy(service.tree, Path(folder) / "store")
            with running(data_dir, tree=service.tree) as own:
                shutil.rmtree(data_dir / "tmp")
                return ask(own)

    return answer


NAMES = {"an empty file": b"", "a broken file": b"{", "a file of a newer version": b'{"name": "odd", "version": 2}'}


def with_name(content: bytes) -> Callable[[Path], None]:
    """Return a store's damage: a file of a name that cannot be read."""
    return lambda data_dir: (data_dir / "names" / "odd.json").write_bytes(content) and None


def rows() -> Iterator[Row]:
    """Yield all rows."""
    yield from read_only_stores()
    damaged = right(503, says=("model_damaged", NAME))
    yield Row("7", "a document's bytes cut: a run of it", damaged, over(cut_document, RUN))
    parts = {"files": {"model": json.dumps(DOCUMENT).encode(), "weights": WEIGHTS}}
    uploads = {"of a form": (f"/v1/models/{OTHER}", parts), "of a body": (f"{PATH}/weights", {"content": WEIGHTS})}
    for what, (path, sent) in uploads.items():
        upload = without_tmp(asked("PUT", path, **sent))
        yield Row("7", f"tmp removed while running: an upload {what}", right(200, 201), upload)
    for what, content in NAMES.items():
        spoil, listed = with_name(content), asked("GET", "/v1/models")
        yield Row("7", f"{what} in names/: the models that are listed", right(200, says=("damaged", "odd", NAME)),
                  over(spoil, listed, ready=LIVE))  # fmt: skip
        yield Row("7", f"{what} in names/: a run of another model", right(200, value=VALUE), over(spoil, RUN))
        yield Row("7", f"{what} in names/: the log", right("started", says=r"odd\.json"), over(spoil, ready=LIVE))

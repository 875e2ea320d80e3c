"""Weights files of a node: brought once, kept while used, and removed by age."""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import pytest

from models.weights.specs import WeightsFile
from service.engines.cluster.node_weights import KEPT_SECONDS, NodeWeights

CONTENT = b"the weights"
FILE = WeightsFile("/front/file", sha256(CONTENT).hexdigest())
OLD = (0.0, 1.0)


class Front:
    """A front that brings one content, and counts how often."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content, self.count = content, 0

    async def bring(self, digest: str, path: Path) -> None:  # noqa: ARG002 (the signature)
        """Write the content to a path."""
        self.count += 1
        await asyncio.sleep(0)
        await asyncio.to_thread(path.write_bytes, self.content)


def content_of(file: WeightsFile) -> bytes:
    """Return the bytes of a file."""
    return Path(file.path).read_bytes()


def names(folder: Path) -> set[str]:
    """Return the files in a folder but locks."""
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


async def test_actors_of_a_node_bring_a_file_once(tmp_path: Path) -> None:
    """Though all need it at the same time."""
    front = Front()
    actors = [NodeWeights(str(tmp_path), "", front.bring) for _ in range(4)]
    files = await asyncio.gather(*(actor.local(FILE) for actor in actors))
    assert front.count == 1
    assert {file.digest for file in files} == {FILE.digest}
    assert set(map(content_of, files)) == {CONTENT}


async def test_files_of_the_shared_store_are_read_there(tmp_path: Path) -> None:
    """The front is asked for those that it lacks."""
    front, store = Front(), tmp_path / "store" / "weights"
    store.mkdir(parents=True)
    (store / f"{FILE.digest}.safetensors").write_bytes(CONTENT)
    for url, count in ((f"file://{store.parent}", 0), (f"file://{tmp_path}/nothing", 1), ("nowhere://x", 2)):
        folder = tmp_path / f"node {count}"
        weights = NodeWeights(str(folder), url, front.bring)
        weights.open()
        assert content_of(await weights.local(FILE)) == CONTENT
        assert front.count == count


async def test_damaged_files_are_not_kept(tmp_path: Path) -> None:
    """What came is compared with the digest."""
    with pytest.raises(OSError, match="came damaged"):
        await NodeWeights(str(tmp_path), "", Front(b"other").bring).local(FILE)
    assert names(tmp_path) == set()


async def test_only_old_files_that_nobody_uses_are_removed(tmp_path: Path) -> None:
    """Another front's actor that starts leaves those alone that an actor here has used."""
    for name in ("old", "young"):
        (tmp_path / f"{name}.safetensors").write_bytes(b"")
    os.utime(tmp_path / "old.safetensors", OLD)
    here = NodeWeights(str(tmp_path), "", Front().bring)
    path = Path((await here.local(FILE)).path)
    os.utime(path, OLD)
    NodeWeights(str(tmp_path), "", Front().bring).open()
    assert names(tmp_path) == {"young.safetensors", path.name}
    await here.local(FILE)
    assert os.stat(path).st_mtime > OLD[1] + KEPT_SECONDS, "use makes it young"


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns the folder could change what is computed."""
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(PermissionError, match="belongs to another user"):
        NodeWeights(str(tmp_path), "", Front().bring).open()

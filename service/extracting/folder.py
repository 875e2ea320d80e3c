"""The folder or bucket that an extraction writes to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem


@dataclass(frozen=True)
class Folder:
    """A folder at a path or an fsspec URL. What is written is there as a whole or not at all."""

    url: str

    @cached_property
    def _place(self) -> tuple[Any, str]:
        fs, root = fsspec.url_to_fs(self.url, use_listings_cache=False)
        return fs, root.rstrip("/")

    @property
    def location(self) -> str:
        """Its path on this machine, or its URL."""
        fs, root = self._place
        return root if isinstance(fs, LocalFileSystem) else self.url

    def path(self, name: str) -> str:
        """Return the path of a file in its file system."""
        return f"{self._place[1]}/{name}"

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return bool(self._place[0].exists(self.path(name)))

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None if there is none."""
        try:
            return bytes(self._place[0].cat_file(self.path(name)))
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Write a file, and the folders that lead to it."""
        fs, path = self._place[0], self.path(name)
        if not isinstance(fs, LocalFileSystem):
            fs.pipe_file(path, data)
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f"{target.name}.new")
        temporary.write_bytes(data)
        temporary.replace(target)

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder below this one, in order."""
        try:
            found = self._place[0].ls(self.path(folder), detail=False)
        except FileNotFoundError:
            return []
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def remove(self, folder: str) -> None:
        """Remove a folder below this one, if it is there."""
        if self.exists(folder):
            self._place[0].rm(self.path(folder), recursive=True)

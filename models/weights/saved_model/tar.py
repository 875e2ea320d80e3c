"""Untrusted tar archives, also compressed with gzip: every limit is checked before a member is unpacked."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Literal

from models.errors import TooLarge, Unparsable, shown
from models.files.archive import COPY_BYTES, MAX_MEMBERS, is_plain

GZIP_START = b"\x1f\x8b"


class Tar:
    """Checked archive over an open file; `members` maps each file's name to its size, in order.

    Raises:
        Unparsable: it is no tar of plain files and folders with distinct, plain names, stored or compressed with gzip.
        TooLarge: more than MAX_MEMBERS members, or more than `max_bytes` in total.
    """

    def __init__(self, file: BinaryIO, expected: str, max_bytes: int) -> None:
        self._expected, self._max_bytes = expected, max_bytes
        mode: Literal["r:gz", "r:"] = "r:gz" if file.read(len(GZIP_START)) == GZIP_START else "r:"
        file.seek(0)
        try:
            self._tar = tarfile.open(fileobj=file, mode=mode)  # noqa: SIM115 (the file is the caller's)
        except (tarfile.TarError, OSError, EOFError):
            kind = "gzip" if mode == "r:gz" else "a tar archive"
            received, advice = f"{kind} that is damaged or of another file", "send another file as it is, unpacked"
            raise self._unparsable(f"this is {kind}, and no SavedModel can be read in it", received, advice) from None
        self._infos: dict[str, tarfile.TarInfo] = dict(self._checked())
        self.members: Mapping[str, int] = {name: info.size for name, info in self._infos.items()}

    def copy(self, name: str, target: BinaryIO) -> None:
        """Write the bytes of a member in chunks."""
        stream = self._tar.extractfile(self._infos[name])
        if stream is not None:
            shutil.copyfileobj(stream, target, COPY_BYTES)
        if target.tell() != self.members[name]:
            raise self._unparsable("the archive is cut short", shown(name))

    def _checked(self) -> Iterator[tuple[str, tarfile.TarInfo]]:
        """Yield the files by name; nothing behind a header is read before it is checked."""
        names: set[str] = set()
        size = 0
        for number, info in enumerate(self._tar):
            name, size = info.name.removeprefix("./"), size + info.size
            if number == MAX_MEMBERS or size > self._max_bytes:
                expected, received = f"{MAX_MEMBERS} members, {self._max_bytes} bytes", f"{number + 1}, {size} bytes"
                raise TooLarge.at("", "the archive is too large", expected=expected, received=received)
            if name in names or not (is_plain(name) or (info.isdir() and name == ".")):
                raise self._unparsable("a member of the archive has a name that is refused", shown(info.name))
            if not info.isdir() and (info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.issparse()):
                raise self._unparsable("members of the archive are plain files and folders", shown(name))
            names.add(name)
            if not info.isdir():
                yield name, info

    def _unparsable(self, message: str, received: str, advice: str | None = None) -> Unparsable:
        return Unparsable.at("", message, expected=self._expected, received=received, suggestion=advice)

"""Signatures of file formats: one table for all code that detects a format by the first bytes of a file."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple


class Role(Enum):
    """The use of a file format."""

    PICTURE = auto()
    TENSORS = auto()
    WEIGHTS = auto()
    ARCHIVE = auto()
    """ZIP and tar, whose actual format depends on their members."""
    JSON = auto()
    OTHER = auto()


class FileKind(NamedTuple):
    """A file format: its name with the article, its use, and the advice where it is not supported."""

    name: str
    role: Role
    advice: str | None = None


NPY_START = b"\x93NUMPY"
HDF5_START = b"\x89HDF\r\n\x1a\n"
ZIP_START = b"PK\x03\x04"
"""The signature of an archive with members."""
ZIP_END = b"PK\x05\x06"
"""The signature of the end record, which is all of an empty archive."""
START_BYTES = 512
"""Bytes of a file that are enough to detect its format."""
BOM = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8, which is ignored (RFC 8259 section 8.1)."""

_NO_CODE = "pickles run code and are never opened: write the arrays with numpy.savez or safetensors"
_UNPACK = "unpack it first"
_AS_UTF8 = "save it as UTF-8"
_AS_KERAS = "send .keras of Keras 3, or a document with its weights"

PICKLE = FileKind("a pickle", Role.OTHER, _NO_CODE)
PYTORCH = FileKind("a PyTorch file", Role.OTHER, _NO_CODE)
NPY = FileKind("a .npy file", Role.TENSORS)
SAFETENSORS = FileKind("a .safetensors file", Role.TENSORS)
HDF5 = FileKind("an HDF5 file", Role.WEIGHTS)
ZIP = FileKind("a ZIP archive", Role.ARCHIVE, _UNPACK)
EMPTY_ZIP = FileKind("an empty ZIP archive", Role.ARCHIVE)
JSON = FileKind("JSON text", Role.JSON)
TEXT = FileKind("text", Role.OTHER)
FORM = FileKind(
    "a multipart form", Role.OTHER, "leave Content-Type to the client, which says with it where the parts end"
)
TAR = FileKind("a tar archive", Role.ARCHIVE, _UNPACK)
GZIP = FileKind("gzip", Role.ARCHIVE, _UNPACK)
PROTOBUF = FileKind(
    "a SavedModel's saved_model.pb", Role.OTHER, "send the folder with its variables as .zip, .tar or .tar.gz"
)
ONNX = FileKind("an ONNX model", Role.OTHER, _AS_KERAS)
TFLITE = FileKind("a TensorFlow Lite model", Role.OTHER, _AS_KERAS)


def _image(name: str) -> FileKind:
    return FileKind(name, Role.PICTURE)


HEIC = _image("a HEIC picture")
AVIF = _image("an AVIF picture")
VIDEO = FileKind("an MP4 or QuickTime video", Role.OTHER)
PDF = FileKind("a PDF document", Role.OTHER)
_HTML = FileKind("an HTML page", Role.OTHER, "look into it: it may be the error of a download")

STARTS: tuple[tuple[int, bytes, FileKind], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", _image("a PNG picture")),
    (0, b"\xff\xd8\xff", _image("a JPEG picture")),
    (0, b"GIF8", _image("a GIF picture")),
    (0, b"II*\0", _image("a TIFF picture")),
    (0, b"MM\0*", _image("a TIFF picture")),
    (0, b"II+\0", _image("a TIFF picture")),
    (8, b"WEBP", _image("a WebP picture")),
    (0, b"8BPS", _image("a Photoshop picture")),
    (0, b"\xff\x0a", _image("a JPEG XL picture")),
    (4, b"JXL \r\n\x87\n", _image("a JPEG XL picture")),
    (4, b"jP  \r\n\x87\n", _image("a JPEG 2000 picture")),
    (0, b"\0\0\1\0", _image("an ICO picture")),
    (0, b"v/1\1", _image("an OpenEXR picture")),
    (128, b"DICM", _image("a DICOM picture")),
    (0, b"<svg", _image("an SVG picture")),
    (0, b"%PDF-", PDF),
    (0, b"\x1a\x45\xdf\xa3", FileKind("a Matroska or WebM video", Role.OTHER)),
    (0, b"RIFF", FileKind("a RIFF file (WAV or AVI)", Role.OTHER)),
    (0, NPY_START, NPY),
    (0, HDF5_START, HDF5),
    (512, HDF5_START, FileKind("an HDF5 file with a block before it, as MATLAB writes it", Role.OTHER)),
    (0, b"MATLAB 5.0", FileKind("a MATLAB file", Role.OTHER)),
    (0, ZIP_START, ZIP),
    (0, ZIP_END, EMPTY_ZIP),
    (0, b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", PYTORCH),
    *((0, bytes([0x80, protocol]), PICKLE) for protocol in range(2, 6)),
    (0, b"cnumpy.", PICKLE),
    (0, b"(dp", PICKLE),
    (0, b"(lp", PICKLE),
    (4, b"TFL3", TFLITE),
    (0, b"GGUF", FileKind("a GGUF model", Role.OTHER, _AS_KERAS)),
    (0, b"\x08\x01\x12", PROTOBUF),
    (0, b"model_checkpoint_path:", FileKind("a TensorFlow checkpoint's list of files", Role.OTHER, _AS_KERAS)),
    (0, b"\x1f\x8b", GZIP),
    (0, b"\x28\xb5\x2f\xfd", FileKind("zstd", Role.OTHER, _UNPACK)),
    (0, b"BZh", FileKind("bzip2", Role.OTHER, _UNPACK)),
    (0, b"\xfd7zXZ\0", FileKind("xz", Role.OTHER, _UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", FileKind("a 7z archive", Role.OTHER, _UNPACK)),
    (0, b"Rar!", FileKind("a RAR archive", Role.OTHER, _UNPACK)),
    (257, b"ustar", TAR),
    (0, b"\xff\xfe\0\0", FileKind("text in UTF-32", Role.OTHER, _AS_UTF8)),
    (0, b"\0\0\xfe\xff", FileKind("text in UTF-32", Role.OTHER, _AS_UTF8)),
    (0, b"\xff\xfe", FileKind("text in UTF-16", Role.OTHER, _AS_UTF8)),
    (0, b"\xfe\xff", FileKind("text in UTF-16", Role.OTHER, _AS_UTF8)),
    (0, b"{\0", FileKind("text in UTF-16 or UTF-32", Role.OTHER, _AS_UTF8)),
    (0, b"[\0", FileKind("text in UTF-16 or UTF-32", Role.OTHER, _AS_UTF8)),
    (0, b"\0{", FileKind("text in UTF-16", Role.OTHER, _AS_UTF8)),
    (0, b"version https://git-lfs", FileKind("a pointer of Git LFS", Role.OTHER, "fetch the file with git lfs pull")),
    (0, b"<!doctype html", _HTML),
    (0, b"<html", _HTML),
    (0, b"<?xml", FileKind("XML", Role.OTHER)),
    (0, b"data:image/", FileKind("a data URL", Role.OTHER, 'in JSON, write {"image": "data:…"}')),
)  # fmt: skip
"""Offset, signature and format, in the order of matching; signatures of text are in lower case."""
BRANDS = {b"avif": AVIF, b"avis": AVIF, b"mif1": HEIC, b"msf1": HEIC, b"crx ": _image("a Canon raw picture")}
"""Formats by the brand of an ISO base media file; every brand that begins with `he` is HEIC."""


def kind_of(start: bytes) -> FileKind | None:
    """Return the format of a file by its first START_BYTES, or all of a shorter one; None when it is unknown."""
    lower = start[:16].lower()
    for offset, magic, kind in STARTS:
        if start.startswith(magic, offset) or (offset == 0 and lower.startswith(magic)):
            return kind
    return next((found for detect in DETECTORS if (found := detect(start)) is not None), None)


def is_safetensors(start: bytes) -> bool:
    """Whether it begins with a header length of eight bytes and JSON; text would be a length of 2 ** 61 bytes."""
    return len(start) > 9 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 2**32


def _iso_media(start: bytes) -> FileKind | None:
    """Detect ISO base media files: HEIC and AVIF images, and videos."""
    if start[4:8] != b"ftyp":
        return None
    return BRANDS.get(start[8:12], HEIC if start[8:10] == b"he" else VIDEO)


def _bitmap(start: bytes) -> FileKind | None:
    """Detect BMP by its two letters and the size of its header at offset 14."""
    is_bitmap = start.startswith(b"BM") and start[14:18] in (b"\x0c\0\0\0", b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0")
    return _image("a BMP picture") if is_bitmap else None


def _tensors(start: bytes) -> FileKind | None:
    return SAFETENSORS if is_safetensors(start) else None


def _onnx(start: bytes) -> FileKind | None:
    """Detect the protocol buffer of ONNX: a version from 3 to 15, then the producer's name."""
    begins = len(start) > 4 and start[0] == 8 and 3 <= start[1] < 16 and start[2] == 0x12
    return ONNX if begins and start[4 : 4 + start[3]].isascii() else None


def _form(start: bytes) -> FileKind | None:
    """Detect a multipart form sent under another Content-Type."""
    is_form = start.startswith(b"--") and b"content-disposition: form-data" in start.lower()
    return FORM if is_form else None


def _text(start: bytes) -> FileKind | None:
    """Detect text in UTF-8, of which the last character may be truncated."""
    text = start.removeprefix(BOM).decode("utf-8", "ignore").lstrip()
    if not text or len(text.encode()) < len(start.strip()) - 8 or not text.translate(SPACES).isprintable():
        return None
    return JSON if text[0] in '{["' else TEXT


SPACES = {ord(character): " " for character in "\n\r\t"}
DETECTORS: tuple[Callable[[bytes], FileKind | None], ...] = (_iso_media, _bitmap, _tensors, _onnx, _form, _text)
"""Detectors of the formats that need more than one signature at one offset."""

"""Files are identified by their first bytes, archives by their members, text by typical mistakes."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zipfile
from typing import Any

import h5py
import numpy as np
import orjson
import pytest
from PIL import Image
from safetensors.numpy import save

from models.files.archive import member_names
from models.files.not_json import not_json
from models.files.signatures import START_BYTES, STARTS, Role, kind_of
from models.files.unsupported import KERAS, NPZ, kind_of_data


def write_bytes(write: Any) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def zip_of(*names: str) -> bytes:
    with zipfile.ZipFile(buffer := io.BytesIO(), "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return buffer.getvalue()


def image_of(format: str) -> bytes:
    return write_bytes(lambda file: Image.new("RGB", (3, 2)).save(file, format))


ARRAY = np.arange(3.0)
KINDS: list[tuple[bytes, str]] = [
    *[(image_of(name), f"a{'n' * (name[0] in 'AI')} {known} picture") for name, known in (
        ("PNG", "PNG"), ("JPEG", "JPEG"), ("GIF", "GIF"), ("TIFF", "TIFF"), ("WEBP", "WebP"), ("BMP", "BMP"),
        ("AVIF", "AVIF"), ("ICO", "ICO"), ("JPEG2000", "JPEG 2000"))],
    (b"\0\0\0\x18ftypheix", "a HEIC picture"),
    (b"\0\0\0\x18ftypisom", "an MP4 or QuickTime video"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG picture"),
    (write_bytes(lambda file: np.save(file, ARRAY)), "a .npy file"),
    (write_bytes(lambda file: np.savez(file, ARRAY)), "a .npz file"),
    (save({"a": ARRAY}), "a .safetensors file"),
    (write_bytes(lambda file: h5py.File(file, "w").close()), "an HDF5 file"),
    (zip_of("metadata.json", "config.json", "model.weights.h5"), "a .keras file"),
    *[(pickle.dumps(ARRAY, protocol), "a pickle") for protocol in (2, 3, 4, 5)],
    (zip_of("archive/data.pkl", "archive/data/0"), "a PyTorch file"),
    (zip_of("assets/", "variables/variables.index", "saved_model.pb"), "a SavedModel in a ZIP archive"),
    (zip_of("MAR-INF/MANIFEST.json"), "a TorchServe archive"),
    (zip_of("a.txt", "b/c.txt"), "a ZIP archive of a.txt, b/c.txt"),
    (zip_of(), "an empty ZIP archive"),
    (gzip.compress(b"x"), "gzip"),
    (tarfile.TarInfo("a").tobuf(tarfile.USTAR_FORMAT), "a tar archive"),
    (b"\x08\x08\x12\x07pytorch\x1a\x032.1", "an ONNX model"),
    (b"\x1c\0\0\0TFL3", "a TensorFlow Lite model"),
    *[("[1]".encode(name), f"text in {name[:6].upper()}") for name in ("utf-16", "utf-32")],
    (b" \xef\xbb\xbf {"[1:], "JSON text"),
    (b'--b\r\nContent-Disposition: form-data; name="a"', "a multipart form"),
    ("schön".encode() * 200, "text"),
]  # fmt: skip


def test_kinds_of_files_are_detected() -> None:
    """Of files as written by the libraries, complete and truncated."""
    found = {name: kind_of_data(data) for data, name in KINDS}
    assert {name: kind and kind.name for name, kind in found.items()} == {name: name for _, name in KINDS}
    assert found["a .keras file"] is KERAS
    assert found["a .npz file"] is NPZ
    for _, magic, kind in STARTS:
        for length in range(len(magic)):
            assert kind_of(magic[:length]) is not kind or kind_of(magic[:length]) == kind_of(magic)


@pytest.mark.parametrize("data", [b"", b"\0", b"\1\2\3", bytes(START_BYTES), b"\xff\xff\xff"])
def test_unknown_bytes_have_no_kind(data: bytes) -> None:
    """Nor does an empty file."""
    assert kind_of_data(data) is None


def test_member_names_of_damaged_archives() -> None:
    """Without a plain directory only the first member's name is returned."""
    whole = zip_of("a/data.pkl", "b")
    end = whole.rindex(b"PK\x05\x06")
    for damaged in (
        whole[:end], whole + b"comment", whole[:end] + b"PK\x06\x07" + bytes(16) + whole[end:],
        whole[: end + 10] + b"\xff\xff" + whole[end + 12 :],
        whole[: end + 12] + b"\xff\xff\xff\x7f" + whole[end + 16 :],
    ):  # fmt: skip
        assert member_names(io.BytesIO(damaged)) == ["a/data.pkl"]
    assert member_names(io.BytesIO(whole)) == ["a/data.pkl", "b"]


def suggestion_for(text: bytes) -> str:
    """Return the suggestion for text that is not JSON."""
    with pytest.raises(orjson.JSONDecodeError) as caught:
        orjson.loads(text)
    return str(not_json(text, caught.value).suggestion)


def test_suggestions_for_invalid_json() -> None:
    """The position of the error reveals what wrote the text."""
    for text, word in (
        ("{'a': 1}", "json.dumps"), ('{"a": None}', "json.dumps"), ('{"a": (1, 2)}', "json.dumps"),
        ('{"a": [1, NaN]}', '"NaN"'), ('{"a": “b”}', "typographic"), ("{a: 1}", "double quotes"),
        ('{"a": 1, // b\n}', "comments"), ("[1, 2,]", "comma"), ("[.5]", "0.5"), ("[01]", "0.5"),
        ("a/b.json", "@"), ("<open file>", "None"), ("[object Object]", "JSON.stringify"),
    ):  # fmt: skip
        assert word in suggestion_for(text.encode()), text
    assert suggestion_for('{"a": "é"}'.encode("latin-1")) == "save it as UTF-8"


def test_roles_match_the_readers() -> None:
    """Images are decoded as images, tensor files as tensors."""
    roles = {name: kind_of_data(data).role for data, name in KINDS}  # type: ignore[union-attr]
    assert {name for name, role in roles.items() if role is Role.PICTURE} == {n for n in roles if n.endswith("picture")}
    assert {name for name, role in roles.items() if role is Role.TENSORS} == {
        "a .npy file", "a .npz file", "a .safetensors file"
    }  # fmt: skip

"""Detection of text sent in place of data: a file name, the printed form of an object, base64."""

from __future__ import annotations

import base64
import binascii
import re

from models.errors import shown
from models.files.signatures import START_BYTES, FileKind, kind_of

FILE_NAME = re.compile(
    r"[^\x00-\x1f\"*<>?|{}\[\]]{0,250}\.(?:avif|bmp|csv|gif|h5|hdf5|hei[cf]|jpe?g|json|keras|np[yz]|onnx|pb|pdf|pickle|pkl|"
    r"png|pth?|safetensors|svg|tflite|tiff?|txt|webp|ya?ml|zip)",
    re.IGNORECASE,
)
"""The name of a file of a format that clients send."""
PRINTED: tuple[tuple[str, str], ...] = (
    ("[object ", "JavaScript wrote an object's class: send JSON.stringify(object), or the file itself"),
    ("undefined", "JavaScript had no value to send here"),
    ("<_io.", "Python wrote what an open file is called: send its bytes, file.read()"),
    ("b'", "Python wrote bytes as text, b'…': send the bytes themselves, or of base64 text.decode()"),
    ('b"', 'Python wrote bytes as text, b"…": send the bytes themselves, or of base64 text.decode()'),
    ("<PIL.", "Python wrote what a picture is called: save it into io.BytesIO() and send getvalue()"),
)
"""Prefixes of the printed forms of objects, each with its advice."""
BASE64_BYTES = 64
"""Characters of base64 that are decoded to detect a format."""


def text_advice(text: bytes) -> str | None:
    """Return the advice for a file name or the printed form of an object in place of data; None for other text."""
    word = text[:START_BYTES].decode("utf-8", "replace").strip().strip("\"'")
    if FILE_NAME.fullmatch(word):
        return f"{shown(word)} is a file's name: send what is in it; in curl, write @ before it, as in -F image=@a.png"
    return next((advice for sign, advice in PRINTED if word.startswith(sign)), None)


def kind_of_base64(text: str) -> FileKind | None:
    """Return the format of a file encoded as base64; None when it is not base64, or the format is unknown."""
    head = text[:BASE64_BYTES]
    try:
        return kind_of(base64.b64decode(head[: len(head) // 4 * 4], validate=True))
    except (ValueError, binascii.Error):
        return None

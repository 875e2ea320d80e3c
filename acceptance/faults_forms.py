"""Reported faults 1G, H, N, O, R, T: pages of other origins, fields of forms, and files by their bytes."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from acceptance.fault_rows import Ask, Row, asked, in_turn, posted, right
from acceptance.keras_files import PATH, put
from acceptance.samples import file_of, saved
from tests.api.habits import form

RUN = "/v1/activations"
PIXELS = np.array([[1, 2], [3, 4]], np.uint8)
PNG = file_of(PIXELS, "PNG")
FLAT = {"input": [2, 2, 1], "layers": [{"type": "Flatten"}]}
SQUARE = {"input": [2, 2], "layers": [{"type": "Identity"}]}
DENSE = {"input": [2], "layers": [{"type": "Dense", "units": 1}]}
MODEL = json.dumps(FLAT)
ROW = np.array([[1, 2, 3, 4]], "f4")
PAGE = {"Origin": "http://localhost:5173"}
ASKS = PAGE | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
ALLOWED = {"access-control-allow-origin": r"^(\*|http://localhost:5173)$"}
READ = (r"safetensors", r"npz", r"weights\.h5", r"\.keras")
BROKEN = r"a header of \d+ bytes"
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
PYTHON_2 = saved(np.save, np.arange(4, dtype="f4").reshape(1, 2, 2)[0]).replace(b"(2, 2), }  ", b"(2L, 2L), }")


def archive(**members: bytes) -> bytes:
    """Return a ZIP archive; `_dot_` in a name is a dot."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in members.items():
            made.writestr(name.replace("_dot_", "."), content)
    return file.getvalue()


def pages() -> Iterator[Row]:
    """Yield requests of a page on another port."""
    allowed = ALLOWED | {
        "access-control-allow-methods": r"POST|\*",
        "access-control-allow-headers": r"(?i)content-type|\*",
    }
    preflight = asked("OPTIONS", RUN, headers=ASKS)
    yield Row("1G", "preflight of a page on localhost:5173", right(200, 204, headers=allowed), preflight)
    yield Row("1G", "GET of that page", right(200, headers=ALLOWED), asked("GET", "/v1/models", headers=PAGE))
    failed = asked("POST", RUN, headers=PAGE, json={})
    yield Row("1G", "an error for that page", right(422, headers=ALLOWED), failed)


def fields() -> Iterator[Row]:
    """Yield pictures under the names that people give them."""
    for name in ("file", "files", "images", "photo"):
        sent = asked("POST", RUN, **form(**{name: PNG, "model": MODEL}))
        yield Row("1H", f"a picture under {name}=", right(200, value=ROW, never="is not text"), sent)
    two = asked("POST", RUN, **form(images=[PNG, PNG], model=MODEL))
    yield Row("1H", "two pictures under images=", right(200, value=np.repeat(ROW, 2, 0)), two)


def unknown_files() -> Iterator[Row]:
    """Yield files of other formats as weights: what is read is listed, and none is called a broken one of them."""
    objects = saved(np.save, np.array([{"a": 1}], object))
    files = {
        "a pickle": pickle.dumps({"dense/kernel": [1.0]}), "a .npy of objects": objects,
        "three bytes": b"\1\2\3",
        "a ZIP of a SavedModel": archive(saved_model_dot_pb=b"\x08\x01", fingerprint_dot_pb=b""),
        "a ZIP of a text": archive(a_dot_txt=b"text"),
    }  # fmt: skip
    told = right(400, 415, 422, says=READ, never=(BROKEN, "is broken", "damaged"))
    for what, content in files.items():
        yield Row("1N", f"{what} as weights", told, put(model=json.dumps(DENSE), weights=content))


def untyped() -> Iterator[Row]:
    """Yield bodies without a type, and the names of files in place of files."""
    registered = asked("PUT", PATH, json=FLAT)
    plain = asked("POST", f"{PATH}/activations", content=PNG)
    yield Row("1T", "a PNG without Content-Type", right(200, value=ROW), in_turn(registered, plain))
    words = "the @ forgotten: "
    picture = asked("POST", RUN, **form(image="a.png", model=MODEL))
    yield Row("1T", f"{words}-F image=a.png", right(422, says="@"), picture)
    document = asked("POST", RUN, **form(image=PNG, model="network.json"))
    yield Row("1T", f"{words}-F model=network.json", right(400, 422, says="@"), document)


def older_files() -> Iterator[Row]:
    """Yield a file of Python 2, byte order marks, and HEIC."""
    npy = asked("POST", f"{PATH}/activations", content=PYTHON_2, headers={"Content-Type": "application/x-npy"})
    square = np.arange(4, dtype="f4").reshape(1, 2, 2)
    yield Row("1O", ".npy of shape (2L, 2L)", right(200, value=square), in_turn(asked("PUT", PATH, json=SQUARE), npy))
    for what, sent in marked().items():
        yield Row("1R", f"a byte order mark before {what}", right(200, 201), sent)
    heic = asked("POST", RUN, **form(image=HEIC, model=MODEL))
    yield Row("1", "a HEIC picture", right(415, 422, says="HEIC"), heic)


def marked() -> dict[str, Ask]:
    """Return JSON with a byte order mark, in every place."""
    mark = b"\xef\xbb\xbf"
    run = mark + json.dumps({"model": FLAT, "inputs": {"shape": [1, 2, 2, 1], "data": [1, 2, 3, 4]}}).encode()
    return {
        "a registered document": asked("PUT", PATH, content=mark + MODEL.encode(), headers=JSON),
        "a part of a form": put(model=mark + MODEL.encode()),
        "the body of a run": asked("POST", RUN, content=run, headers=JSON),
        "a document as text": posted(RUN, {"model": mark.decode() + MODEL, "inputs": [[[1], [2]], [[3], [4]]]}),
    }


JSON = {"Content-Type": "application/json"}


def multipart() -> Iterator[Row]:
    """Yield forms with text before and behind, which is legal."""
    parts: dict[str, Any] = {"model": json.dumps(SQUARE), "inputs": "[[[1, 2], [3, 4]]]"}
    body = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in parts.items()
    )
    value = np.array([[[1, 2], [3, 4]]], "f4")
    for what, whole in {
        "a preamble": f"for old clients\r\n{body}--b--\r\n",
        "an epilogue": f"{body}--b--\r\nthe end",
    }.items():
        sent = asked("POST", RUN, content=whole, headers={"Content-Type": "multipart/form-data; boundary=b"})
        yield Row("1", f"multipart with {what}", right(200, value=value), sent)


def rows() -> Iterator[Row]:
    """Yield all rows."""
    for made in (pages, fields, unknown_files, untyped, older_files, multipart):
        yield from made()

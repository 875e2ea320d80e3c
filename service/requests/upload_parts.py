"""Parts of an upload form, from the callbacks of a parser: a document, labels, and a weights file under any name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from python_multipart.multipart import parse_options_header

from models.documents.validation import unknown_name
from models.errors import InvalidOption, Problem, TooLarge, shown
from models.errors.problem import pointer_to
from models.files.mistaken_text import text_advice
from models.files.signatures import GZIP, HDF5, JSON, SAFETENSORS, START_BYTES, TAR, ZIP, FileKind, kind_of
from models.reading.labels import MAX_BYTES
from models.reading.labels import too_large as labels_too_large
from service.options.activation import BRACKETS
from service.options.field_names import LABELS, MODEL, WEIGHTS
from service.options.foreign_names import UPLOAD

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks  # not there at run time

SIGNATURE_BYTES = 16
"""Bytes that are enough to detect weights files other than tar archives, which need START_BYTES."""
FILES = (HDF5, SAFETENSORS, ZIP, TAR, GZIP)
"""Formats that are weights under any name: no other part has them."""
PARTS = (MODEL, WEIGHTS, LABELS)
TEXTS = (MODEL, LABELS)
"""Parts that are kept in memory."""


@dataclass
class UploadParts:
    """Receiver of a form's parts. `write` receives the chunks of the weights file."""

    write: Callable[[bytes], None]
    max_memory: int
    weights: str | None = None
    """The name of the part that is the weights file."""
    complete: bool = False
    """Whether the closing boundary was received."""
    _disposition: bytearray = field(default_factory=bytearray)
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _part: str = ""
    _was_chosen: bool = True
    """False for the empty part that a browser sends if no file was chosen."""
    _start: bytearray | None = None
    """The first bytes of a part, until its format is detected."""
    _texts: dict[str, bytearray] = field(default_factory=dict)
    """The parts `model` and `labels`, unless they are the weights file."""
    _names: list[str] = field(default_factory=list)

    def callbacks(self) -> MultipartCallbacks:
        """Return the callbacks for the parser."""
        return {
            "on_header_begin": self._begin_header,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_part,
            "on_part_data": lambda data, start, end: self._take(data[start:end]),
            "on_part_end": self._route,
            "on_end": self._end,
        }

    @property
    def document(self) -> bytes | None:
        """The content of the part `model`, unless it is a weights file."""
        return self._text(MODEL)

    @property
    def labels(self) -> bytes | None:
        """The content of the part `labels`, unless it is a weights file."""
        return self._text(LABELS)

    def _text(self, name: str) -> bytes | None:
        return bytes(self._texts[name]) if name in self._texts else None

    def check(self) -> None:
        """Raise InvalidOption if there are no parts."""
        if not self._names:
            raise InvalidOption.at("", "the form has no parts", expected=", ".join(PARTS), received="nothing")

    def _begin_header(self) -> None:
        self._header.clear()
        self._value.clear()

    def _end_header(self) -> None:
        if bytes(self._header).strip().lower() == b"content-disposition":
            self._disposition = bytearray(self._value)

    def _begin_part(self) -> None:
        _, options = parse_options_header(bytes(self._disposition))
        self._part = BRACKETS.sub("", options.get(b"name", b"").decode("utf-8", "replace"))
        self._was_chosen = options.get(b"filename") != b""
        self._disposition.clear()
        self._start = bytearray()
        if self._part in self._names:
            message = f"{shown(self._part)} is given twice"
            raise InvalidOption.at(pointer_to([self._part]), message, expected="one part", received="two parts")

    def _take(self, data: bytes) -> None:
        if self._start is not None:
            self._start += data
            if len(self._start) >= START_BYTES:
                self._route()
        elif self._part == self.weights:
            self.write(data)
        else:
            self._add(data)

    def _route(self) -> None:
        """Route a part by its name and format, when its first bytes, or all of it, are received."""
        if self._start is None:
            return
        data, self._start = bytes(self._start), None
        if not data and not self._was_chosen:
            return
        kind = kind_of(data)
        self._names.append(self._part)
        if self._part == WEIGHTS or kind in FILES:
            self._check_only()
            self.weights = self._part
            self.write(data)
        elif self._part in TEXTS:
            self._add(data)
        else:
            raise InvalidOption("", [self._unknown(data, kind)])

    def _check_only(self) -> None:
        if self.weights is not None:
            message, received = "there are two files of weights", f"{self.weights} and {self._part}"
            raise InvalidOption.at(pointer_to([self._part]), message, expected="one", received=shown(received))

    def _add(self, data: bytes) -> None:
        text = self._texts.setdefault(self._part, bytearray())
        text += data
        if self._part == LABELS and len(text) > MAX_BYTES:
            raise labels_too_large()
        if len(text) > self.max_memory:
            raise too_large(f"/{MODEL}", self.max_memory)

    def _unknown(self, data: bytes, kind: FileKind | None) -> Problem:
        """Return the problem of a part that is neither a document nor weights."""
        problem = unknown_name(pointer_to([self._part]), self._part, PARTS, None, UPLOAD, self._names)
        if kind is JSON and MODEL not in self._names:
            return replace(problem, suggestion='write "model"')
        advice = text_advice(data) or (kind.advice if kind is not None else None)
        return replace(problem, suggestion=problem.suggestion or advice)

    def _end(self) -> None:
        self.complete = True


def too_large(pointer: str, max_bytes: int) -> TooLarge:
    """Return the error for a document over its limit of bytes."""
    expected, received = f"at most {max_bytes:,} bytes", f"more than {max_bytes:,} bytes"
    return TooLarge.at(pointer, "the document is over its limit", expected=expected, received=received)


def is_weights_file(start: bytes) -> bool:
    """Whether bytes begin as a weights file does."""
    return kind_of(start[:START_BYTES]) in FILES

"""The input half of a request, and how each piece of it becomes an array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.documents.inputs import InputSpec
from models.errors import InvalidTensor, LayerscopeError, Problem, TooLarge, Unparsable, shown
from models.files.signatures import (
    JSON,
    MARK,
    NPY_START,
    START_BYTES,
    ZIP_START,
    Role,
    is_safetensors,
    kind_of,
)
from models.files.unread import NPZ, Advice, told_of, unread
from models.images import Opened, image_bytes, opened, read_opened, reading_memory, stack
from models.tensors import parse_tensor, read_npy, read_npz, read_safetensors, unpacked_bytes
from models.tensors.shapes import words
from service.options.activation import ActivationOptions
from service.requests.body import parse_json
from service.requests.decode_memory import MemoryShare
from service.requests.json_pictures import pictures_in
from service.settings import Settings

Array = np.ndarray[Any, Any]
UNNAMED = ""
"""The name of what a .npy file holds."""
TENSOR_FILES = "a .npy, .npz or .safetensors file"
ADVICE: Advice = {
    JSON: "numbers as JSON go under inputs",
    Role.WEIGHTS: "weights come with PUT /v1/models/{name}, as the part weights",
}
"""Where a file goes that is no tensor's."""


@dataclass(frozen=True)
class InputPayload:
    """Inputs as they came. Several of these together are one set, in which each input stands once."""

    inputs: Any = None
    """JSON: one tensor, or an object of tensors by name."""
    files: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    """By the field it came under what names no input: a file of tensors, or pictures, as the bytes say."""
    parts: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    """By input name what a form's `inputs.<name>` holds: images, a tensor file, or JSON."""

    @property
    def has_pictures(self) -> bool:
        """Whether there are files that take a while to be decoded."""
        return any(not is_tensor_file(file) for files in self.files.values() for file in files)


@dataclass(frozen=True)
class DecodedInput:
    """One input, decoded."""

    array: Array
    pointer: str
    batched: bool | None = None
    """Whether the first axis is the batch; None when that is to be judged by the rank."""
    dtype: str | None = None
    """The dtype the client wrote, if any."""
    preprocessing: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class InputDecoder:
    """Decodes inputs by the options of one request, within limits. `spec` is None for an undeclared input.

    Each of its methods raises NoRoom before it decodes what needs more memory than the request's share has.
    """

    options: ActivationOptions
    settings: Settings
    share: MemoryShare

    def json(self, raw: Any, spec: InputSpec | None, pointer: str) -> DecodedInput:
        """A tensor in JSON, or pictures: `{"image": "<base64>"}`, several of these in an array, or an array in one."""
        pictures = pictures_in(raw, pointer)
        if pictures is not None:
            for place, text in pictures.items():
                self.claim_text(text, place)
            files = [image_bytes(text, place) for place, text in pictures.items()]
            places = list(pictures)
            return self.images(files, spec, places[0] if len(places) == 1 else pointer, places)
        if isinstance(raw, dict) and "base64" in raw:
            self.claim_text(raw["base64"], f"{pointer}/base64")
        dtype = raw.get("dtype") if isinstance(raw, dict) and isinstance(raw.get("dtype"), str) else None
        return DecodedInput(parse_tensor(raw, pointer, spec.dtype if spec is not None else None), pointer, None, dtype)

    def images(
        self, files: Sequence[bytes], spec: InputSpec | None, pointer: str, places: Sequence[str] | None = None
    ) -> DecodedInput:
        """One or more images as a batch of height × width × channels; `places` is where each of them stands."""
        shape = tuple(spec.shape) if spec is not None else None
        if shape is not None and len(shape) != 3:
            raise InvalidTensor("", [_no_image(shape, pointer)])
        places = places or ([pointer] if len(files) == 1 else [f"{pointer}/{number}" for number in range(len(files))])
        read: list[tuple[Array, dict[str, Any]]] = []
        nbytes = 0
        for place, picture in self._opened(files, places, shape):
            with _at(place):
                read.append(self._image(picture, shape))
                nbytes += read[-1][0].nbytes
                check_bytes(nbytes, self.settings)
            del picture
        with _at(pointer):
            batch = stack([array for array, _ in read])
        notes = read[0][1] if len(read) == 1 else {"images": [note for _, note in read]}
        return DecodedInput(self._whole(batch, spec), pointer, True, None, notes)

    def _opened(
        self, files: Sequence[bytes], places: Sequence[str], shape: Sequence[int | None] | None
    ) -> Iterator[tuple[str, Opened]]:
        """The headers of pictures, when there is room for all that they hold: the largest while it is read, and all
        tensors, which are put into one in the end.
        """
        pictures: list[Opened] = []
        largest, results = 0, 0
        for place, data in zip(places, files, strict=True):
            with _at(place):
                pictures.append(opened(data, self.settings.max_pixels))
                reading, result = reading_memory(pictures[-1], shape)
                largest, results = max(largest, reading), results + result
        size = sum(picture.image.width * picture.image.height for picture in pictures)
        self.share.claim(max(largest + results, 2 * results), size, "pixels", places[0])
        pictures.reverse()
        for place in places:
            yield place, pictures.pop()

    def claim_text(self, text: Any, pointer: str) -> None:
        """For bytes that are written as base64, of which ASCII is made first."""
        if isinstance(text, str):
            self.share.claim(2 * len(text), len(text), "characters of base64", pointer)

    def _image(self, picture: Opened, shape: Sequence[int | None] | None) -> tuple[Array, dict[str, Any]]:
        options, pixels = self.options, self.settings.max_pixels
        return read_opened(picture, shape, resize=options.resize, scale=options.scale or "none", max_pixels=pixels)

    def _whole(self, batch: Array, spec: InputSpec | None) -> Array:
        """Resizing makes fractions of whole pixels; an input of integers takes the nearest ones."""
        takes_integers = spec is not None and "int" in spec.dtype
        return np.rint(batch) if takes_integers and self.options.scale in (None, "none") else batch

    def tensors(self, data: bytes, pointer: str) -> dict[str, Array]:
        """What a tensor file holds, by name; a .npy has one UNNAMED."""
        if data.startswith(NPY_START):
            return {UNNAMED: read_npy(data, pointer)}
        if is_safetensors(data):
            return read_safetensors(data, pointer)
        if data.startswith(ZIP_START) and told_of(data) is NPZ:
            nbytes = unpacked_bytes(data, int(self.settings.max_input_bytes), pointer)
            self.share.claim(2 * nbytes, nbytes, "bytes of tensors", pointer)
            return read_npz(data, int(self.settings.max_input_bytes), pointer)
        raise Unparsable("", [unread(data, TENSOR_FILES, pointer, ADVICE)])

    def part(self, files: Sequence[bytes], spec: InputSpec | None, pointer: str) -> DecodedInput:
        """What a form's part for one input holds: a tensor file or JSON by how it begins, and otherwise images."""
        holds_tensors = is_tensor_file(files[0])
        if not (holds_tensors or _is_json(files[0])):
            return self.images(files, spec, pointer)
        check_alone(files, pointer)
        if holds_tensors:
            return DecodedInput(_only(self.tensors(files[0], pointer), pointer), pointer)
        with _at(pointer):
            raw = parse_json(files[0], "the part", inputs="", claim=self.share.claim_json)
        return self.json(raw, spec, pointer)


def _only(arrays: Mapping[str, Array], pointer: str) -> Array:
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    message = "a part for one input holds one tensor"
    hint = "send a file of several as `tensor`: its names are the inputs'"
    raise InvalidTensor("", [Problem(pointer, message, "one tensor", f"{len(arrays)} tensors", hint)])


def check_alone(files: Sequence[bytes], pointer: str) -> None:
    """Refuse several files that are not pictures: how they would make one tensor is nobody's guess.

    Raises:
        InvalidTensor
    """
    if len(files) > 1:
        message, expected = "only images make a batch of several parts", "one part, or images"
        hint = "stack a batch into one array; inputs of other names are parts of their own, inputs.<name>"
        raise InvalidTensor("", [Problem(pointer, message, expected, f"{len(files)} parts", hint)])


def is_input_file(data: bytes) -> bool:
    """Whether bytes are a picture or a file of tensors, or nearly so, whatever they are called. JSON is told first: it
    comes thousands of times a second.
    """
    return is_tensor_file(data) or (not data.startswith(b"{") and is_picture(data))


def is_picture(data: bytes) -> bool:
    """Whether it is a picture, also of a format that is not read."""
    kind = kind_of(data[:START_BYTES])
    return kind is not None and kind.role is Role.PICTURE


def is_tensor_file(data: bytes) -> bool:
    """Whether it is read as a file of tensors, or refused as one; pictures begin otherwise."""
    return data.startswith((NPY_START, ZIP_START)) or is_safetensors(data)


def _no_image(shape: Sequence[int | None], pointer: str) -> Problem:
    """The problem of a picture for an input of this shape; one of four axes may have the batch in it."""
    expected = f"a tensor of shape {words(['batch', *shape])}"
    with_batch = len(shape) == 4 and shape[0] is None
    hint = f'leave the batch out of the document\'s "input": {shown(list(shape[1:]))}' if with_batch else None
    return Problem(pointer, "the network's input is not an image", expected, "an image", hint)


def _is_json(data: bytes) -> bool:
    """Whether it begins as JSON does, which no image format does; nothing at all is bad JSON."""
    return data.removeprefix(MARK).lstrip()[:1] in b'[{"-0123456789tfn'


def check_bytes(nbytes: int, settings: Settings) -> None:
    """Refuse more than all inputs of a request may have.

    Raises:
        TooLarge: with the limit.
    """
    limit = int(settings.max_input_bytes)
    if nbytes > limit:
        message = "the inputs are over their limit"
        problem = Problem("", message, f"at most {limit:,} bytes", f"{nbytes:,} bytes", "send a smaller batch")
        raise TooLarge("", [problem])


@contextmanager
def _at(pointer: str) -> Iterator[None]:
    """Points the errors of what happens inside at the field it came from."""
    try:
        yield
    except LayerscopeError as error:
        raise error.under(pointer) from None

"""Decoder of input payloads into arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.documents.inputs import InputSpec
from models.errors import InvalidTensor, LayerscopeError, Unparsable
from models.files.signatures import (
    BOM,
    JSON,
    NPY_START,
    ZIP_START,
    Role,
    is_safetensors,
)
from models.files.unsupported import NPZ, Advice, kind_of_data, unsupported_data
from models.images import OpenedImage, image_bytes, open_image, read_opened, reading_memory, stack
from models.tensors import parse_tensor, read_npy, read_npz, read_safetensors, unpacked_bytes
from service.options.activation import InputOptions
from service.requests.body import parse_json
from service.requests.decode_memory import MemoryShare
from service.requests.input_checks import check_alone, check_bytes, not_an_image, single_tensor
from service.requests.json_images import images_in
from service.requests.payload import Array, DecodedInput, is_tensor_file
from service.settings import Settings

UNNAMED = ""
"""The name of the tensor of a .npy file."""
TENSOR_FILES = "a .npy, .npz or .safetensors file"
ADVICE: Advice = {
    JSON: "numbers as JSON go under inputs",
    Role.WEIGHTS: "weights come with PUT /v1/models/{name}, as the part weights",
}
"""The advice for a file that is not a tensor file."""


@dataclass(frozen=True)
class InputDecoder:
    """Decoder of inputs with the options of one request, within limits. `spec` is None for an undeclared input.

    Each method raises NoRoom before a decoding step that needs more memory than the request's share has.
    """

    options: InputOptions
    settings: Settings
    share: MemoryShare

    def json(self, raw: Any, spec: InputSpec | None, pointer: str) -> DecodedInput:
        """Decode a tensor in JSON, or images: `{"image": "<base64>"}`, an array of these, or an array in one."""
        texts = images_in(raw, pointer)
        if texts is not None:
            for item_pointer, text in texts.items():
                self.claim_text(text, item_pointer)
            files = [image_bytes(text, item_pointer) for item_pointer, text in texts.items()]
            pointers = list(texts)
            return self.images(files, spec, pointers[0] if len(pointers) == 1 else pointer, pointers)
        if isinstance(raw, dict) and "base64" in raw:
            self.claim_text(raw["base64"], f"{pointer}/base64")
        dtype = raw.get("dtype") if isinstance(raw, dict) and isinstance(raw.get("dtype"), str) else None
        return DecodedInput(parse_tensor(raw, pointer, spec.dtype if spec is not None else None), pointer, None, dtype)

    def images(
        self, files: Sequence[bytes], spec: InputSpec | None, pointer: str, pointers: Sequence[str] | None = None
    ) -> DecodedInput:
        """Decode images into a batch of height × width × channels; `pointers` are those of the single images."""
        shape = tuple(spec.shape) if spec is not None else None
        if shape is not None and len(shape) != 3:
            raise InvalidTensor("", [not_an_image(shape, pointer)])
        pointers = pointers or ([pointer] if len(files) == 1 else [f"{pointer}/{index}" for index in range(len(files))])
        decoded: list[tuple[Array, dict[str, Any]]] = []
        nbytes = 0
        for item_pointer, image in self._open_images(files, pointers, shape):
            with _under(item_pointer):
                decoded.append(self._read(image, shape))
                nbytes += decoded[-1][0].nbytes
                check_bytes(nbytes, self.settings)
            del image
        with _under(pointer):
            batch = stack([array for array, _ in decoded])
        notes = decoded[0][1] if len(decoded) == 1 else {"images": [note for _, note in decoded]}
        return DecodedInput(self._rounded(batch, spec), pointer, True, None, notes)

    def _open_images(
        self, files: Sequence[bytes], pointers: Sequence[str], shape: Sequence[int | None] | None
    ) -> Iterator[tuple[str, OpenedImage]]:
        """Read the headers of images and claim their memory: that of the largest while it is read, and that of all
        tensors, which are stacked at the end.
        """
        opened: list[OpenedImage] = []
        largest, total_results = 0, 0
        for item_pointer, data in zip(pointers, files, strict=True):
            with _under(item_pointer):
                opened.append(open_image(data, self.settings.max_pixels))
                reading_bytes, result_bytes = reading_memory(opened[-1], shape)
                largest, total_results = max(largest, reading_bytes), total_results + result_bytes
        size = sum(one.image.width * one.image.height for one in opened)
        self.share.claim(max(largest + total_results, 2 * total_results), size, "pixels", pointers[0])
        opened.reverse()
        for item_pointer in pointers:
            yield item_pointer, opened.pop()

    def claim_text(self, text: Any, pointer: str) -> None:
        """Claim memory for decoding base64, which is encoded as ASCII first."""
        if isinstance(text, str):
            self.share.claim(2 * len(text), len(text), "characters of base64", pointer)

    def _read(self, image: OpenedImage, shape: Sequence[int | None] | None) -> tuple[Array, dict[str, Any]]:
        options, pixels = self.options, self.settings.max_pixels
        return read_opened(image, shape, resize=options.resize, scale=options.scale or "none", max_pixels=pixels)

    def _rounded(self, batch: Array, spec: InputSpec | None) -> Array:
        """Round for an input of integers: resizing makes fractions of integer pixels."""
        takes_integers = spec is not None and "int" in spec.dtype
        return np.rint(batch) if takes_integers and self.options.scale in (None, "none") else batch

    def tensors(self, data: bytes, pointer: str) -> dict[str, Array]:
        """Read the tensors of a file by name; that of a .npy is UNNAMED."""
        if data.startswith(NPY_START):
            return {UNNAMED: read_npy(data, pointer)}
        if is_safetensors(data):
            return read_safetensors(data, pointer)
        if data.startswith(ZIP_START) and kind_of_data(data) is NPZ:
            nbytes = unpacked_bytes(data, int(self.settings.max_input_bytes), pointer)
            self.share.claim(2 * nbytes, nbytes, "bytes of tensors", pointer)
            return read_npz(data, int(self.settings.max_input_bytes), pointer)
        raise Unparsable("", [unsupported_data(data, TENSOR_FILES, pointer, ADVICE)])

    def part(self, files: Sequence[bytes], spec: InputSpec | None, pointer: str) -> DecodedInput:
        """Decode a form's part for one input: by its first bytes a tensor file or JSON, otherwise images."""
        holds_tensors = is_tensor_file(files[0])
        if not (holds_tensors or _begins_as_json(files[0])):
            return self.images(files, spec, pointer)
        check_alone(files, pointer)
        if holds_tensors:
            return DecodedInput(single_tensor(self.tensors(files[0], pointer), pointer), pointer)
        with _under(pointer):
            raw = parse_json(files[0], "the part", inputs="", claim=self.share.claim_json)
        return self.json(raw, spec, pointer)


def _begins_as_json(data: bytes) -> bool:
    """Whether it begins as JSON, unlike any image format; no bytes at all are invalid JSON."""
    return data.removeprefix(BOM).lstrip()[:1] in b'[{"-0123456789tfn'


@contextmanager
def _under(pointer: str) -> Iterator[None]:
    """Prefix the pointers of errors in the block with `pointer`."""
    try:
        yield
    except LayerscopeError as error:
        raise error.under(pointer) from None

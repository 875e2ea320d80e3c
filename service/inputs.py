"""From what was posted to arrays that fit the network's inputs, each with a note of what was done to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.document import Document, InputSpec
from models.errors import InvalidTensor, LayerscopeError, Problem, TooLarge, Unparsable, did_you_mean, shown
from models.expansion import expand
from models.images import image_bytes, read_image, stack
from models.network import Network
from models.tensors import fit, is_tensor_form, parse_tensor, read_npy, read_npz, read_safetensors
from models.validation import MAX_PROBLEMS, pointer_to
from service.options import ActivationOptions
from service.settings import Settings

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Posted:
    """The input half of a request: one of JSON, image files, or a tensor file."""

    inputs: Any = None
    images: tuple[bytes, ...] = ()
    tensor: bytes | None = None
    """A .npy, .npz or .safetensors file."""


@dataclass(frozen=True)
class Resolved:
    """A network on inputs of known shape, and the arrays for them, in the order of `network.inputs`."""

    network: Network
    arrays: tuple[Array, ...]
    preprocessing: dict[str, dict[str, Any]] = field(default_factory=dict)


def resolve(document: Document, posted: Posted, options: ActivationOptions, settings: Settings) -> Resolved:
    """Decodes the inputs, declares the ones the document left out, and fits each to its declaration.

    Raises:
        InvalidTensor, InvalidImage, Unparsable: with a pointer to the input at fault.
        TooLarge: when the arrays together are over the limit.
    """
    declared = document.input or {}
    options = options.model_copy(update={"scale": options.scale or document.scale or "none"})
    raw = _by_name(posted, declared, options, settings)
    arrays: dict[str, Array] = {}
    for name in declared or raw:
        spec = declared.get(name) or _declaration(document, raw[name])
        document = document if declared else document.with_inputs({name: spec})
        arrays[name] = fit(raw[name].array, spec, name, raw[name].pointer)
    _check(arrays, settings)
    notes = {name: given.preprocessing for name, given in raw.items() if given.preprocessing}
    return Resolved(expand(document), tuple(arrays.values()), notes)


@dataclass(frozen=True)
class _Given:
    """One input as it came."""

    array: Array
    pointer: str
    batched: bool | None = None
    """Whether the first axis is the batch; None when that is to be judged by the rank."""
    dtype: str | None = None
    """The dtype the client wrote, if any."""
    preprocessing: dict[str, Any] = field(default_factory=dict)


def _by_name(
    posted: Posted, declared: Mapping[str, InputSpec], options: ActivationOptions, settings: Settings
) -> dict[str, _Given]:
    """Every input under its name; a single one needs none."""
    if posted.images:
        name, spec = _single(declared, "/image")
        return {name: _image(posted.images, spec, "/image", options, settings)}
    if posted.tensor is not None:
        return _from_file(posted.tensor, declared, settings)
    if posted.inputs is None:
        problem = Problem("/inputs", "there is no input", 'an image, a tensor or "inputs"', "nothing")
        raise InvalidTensor("", [problem])
    if is_tensor_form(posted.inputs):
        name, spec = _single(declared, "/inputs")
        return {name: _from_json(posted.inputs, spec, "/inputs", options, settings)}
    names = _matching(posted.inputs, declared, "/inputs")
    return {
        name: _from_json(posted.inputs[name], declared.get(name), f"/inputs/{name}", options, settings)
        for name in names
    }


def _single(declared: Mapping[str, InputSpec], pointer: str) -> tuple[str, InputSpec | None]:
    """The one input there is."""
    if len(declared) > 1:
        message = f"the network has {len(declared)} inputs: say which this is"
        expected = f'"inputs": {{{", ".join(f"{shown(name)}: …" for name in declared)}}}'
        raise InvalidTensor("", [Problem(pointer, message, expected, "one unnamed input")])
    return next(iter(declared.items())) if declared else ("input", None)


def _matching(given: Mapping[str, Any], declared: Mapping[str, InputSpec], pointer: str) -> list[str]:
    """The declared names, when exactly those were given."""
    expected = list(declared) or ["input"]
    problems = [_unknown_input(name, expected, pointer) for name in given if name not in expected]
    problems += [
        Problem(pointer + pointer_to([name]), f"the input {name} is missing", "a tensor", "nothing")
        for name in expected
        if name not in given
    ]
    if problems:
        raise InvalidTensor("", problems[:MAX_PROBLEMS])
    return expected


def _unknown_input(name: str, expected: Sequence[str], pointer: str) -> Problem:
    near = did_you_mean(name, expected)
    return Problem(
        pointer + pointer_to([name]),
        "the network has no input of this name",
        f"one of {', '.join(expected)}",
        shown(name),
        f'write "{near}"' if near else None,
    )


def _from_json(
    raw: Any, spec: InputSpec | None, pointer: str, options: ActivationOptions, settings: Settings
) -> _Given:
    if isinstance(raw, dict) and isinstance(raw.get("image"), str) and set(raw) == {"image"}:
        return _image([image_bytes(raw["image"], f"{pointer}/image")], spec, f"{pointer}/image", options, settings)
    dtype = raw.get("dtype") if isinstance(raw, dict) and isinstance(raw.get("dtype"), str) else None
    return _Given(parse_tensor(raw, pointer, spec.dtype if spec is not None else None), pointer, None, dtype)


def _image(
    files: Sequence[bytes], spec: InputSpec | None, pointer: str, options: ActivationOptions, settings: Settings
) -> _Given:
    """One or more images as a batch of height × width × channels."""
    shape = tuple(spec.shape) if spec is not None else None
    if shape is not None and len(shape) != 3:
        message = "the network's input is not an image"
        expected = f"a tensor of shape (batch, {', '.join(str(d) for d in shape)})"
        raise InvalidTensor("", [Problem(pointer, message, expected, "an image")])
    read: list[tuple[Array, dict[str, Any]]] = []
    for number, data in enumerate(files):
        with _at(pointer if len(files) == 1 else f"{pointer}/{number}"):
            read.append(
                read_image(
                    data, shape, resize=options.resize, scale=options.scale or "none", max_pixels=settings.max_pixels
                )
            )
            _check_bytes(sum(array.nbytes for array, _ in read), settings)
    with _at(pointer):
        batch = stack([array for array, _ in read])
    batch = _whole(batch, spec, options)
    notes = read[0][1] if len(read) == 1 else {"images": [note for _, note in read]}
    return _Given(batch, pointer, True, None, notes)


def _whole(batch: Array, spec: InputSpec | None, options: ActivationOptions) -> Array:
    """Resizing makes fractions of whole pixels; an input of integers takes the nearest ones."""
    takes_integers = spec is not None and "int" in spec.dtype
    return np.rint(batch) if takes_integers and options.scale == "none" else batch


def _from_file(data: bytes, declared: Mapping[str, InputSpec], settings: Settings) -> dict[str, _Given]:
    """A .npy is one input; a .npz or .safetensors holds one of any name, or all by their names."""
    if data.startswith(b"\x93NUMPY"):
        arrays = {"": read_npy(data, "/tensor")}
    elif data.startswith(b"PK"):
        arrays = read_npz(data, int(settings.max_input_bytes), "/tensor")
    elif len(data) > 9 and data[8:9] == b"{":
        arrays = read_safetensors(data, "/tensor")
    else:
        expected = "a .npy, .npz or .safetensors file"
        raise Unparsable("", [Problem("/tensor", "this is not a tensor file", expected, f"{len(data):,} other bytes")])
    if len(arrays) == 1 and len(declared) <= 1:
        name, _ = _single(declared, "/tensor")
        return {name: _Given(next(iter(arrays.values())), "/tensor")}
    names = _matching(arrays, declared, "/tensor")
    return {name: _Given(arrays[name], "/tensor" + pointer_to([name])) for name in names}


def _declaration(document: Document, given: _Given) -> InputSpec:
    """The input of a document that declares none: the shape of what was posted, float32 unless ids are looked up."""
    shape = given.array.shape
    batched = given.batched if given.batched is not None else _has_batch(document, len(shape))
    looks_up = document.layers[0].id_bound() is not None and given.array.dtype.kind in "iu"
    dtype = given.dtype or ("int64" if looks_up else "float32")
    return InputSpec.model_validate({"shape": list(shape[1:] if batched else shape), "dtype": dtype})


def _has_batch(document: Document, rank: int) -> bool:
    """Whether a tensor of this rank carries its batch: by what the first layer reads, else by its having two axes."""
    wanted = document.layers[0].input_rank
    if isinstance(wanted, int):
        return rank != wanted - 1
    return rank > 1


def _check(arrays: Mapping[str, Array], settings: Settings) -> None:
    """One batch for all inputs, and no more bytes than allowed."""
    batches = {name: array.shape[0] for name, array in arrays.items()}
    if len(set(batches.values())) > 1:
        received = ", ".join(f"{name}: {batch}" for name, batch in batches.items())
        raise InvalidTensor("", [Problem("/inputs", "the inputs differ in batch", "the same batch for all", received)])
    _check_bytes(sum(array.nbytes for array in arrays.values()), settings)


def _check_bytes(nbytes: int, settings: Settings) -> None:
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

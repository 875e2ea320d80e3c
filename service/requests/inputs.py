"""Conversion of an input payload to arrays that fit the network's inputs, with notes on their preprocessing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from models.documents.document import Document
from models.documents.inputs import InputSpec
from models.errors import InvalidTensor
from models.explaining.editing import tensor_names
from models.limits import MAX_LENGTH, MAX_RANK
from models.networks.architecture import Architecture
from models.networks.network import Network
from models.tensors import DTYPES, fit
from models.tensors.shapes import words
from service.options.activation import InputOptions
from service.requests.binding import bind_inputs
from service.requests.decode_memory import MemoryShare
from service.requests.decoder import InputDecoder
from service.requests.input_checks import check_bytes
from service.requests.payload import Array, DecodedInput, InputPayload
from service.settings import Settings


@dataclass(frozen=True)
class ResolvedInputs:
    """Network with input shapes known, and the arrays for its inputs, in the order of `network.inputs`.

    An array may have another dtype than its input, which the engine casts safely: there is less to copy.
    """

    network: Network
    arrays: tuple[Array, ...]
    preprocessing: dict[str, dict[str, Any]] = field(default_factory=dict)
    others: dict[str, Array] = field(default_factory=dict)
    """Tensors that edits name."""
    edits: list[Any] | None = None
    """Unparsed edits, with the names of those tensors."""


def resolve(
    architecture: Architecture,
    payload: InputPayload,
    options: InputOptions,
    settings: Settings,
    share: MemoryShare,
) -> ResolvedInputs:
    """Decode the inputs, declare those that the document leaves out, and fit each to its declaration.

    Raises:
        InvalidTensor, InvalidImage, Unparsable: with a pointer to the invalid input.
        TooLarge: the arrays together are over the limit.
        NoRoom: memory must be acquired before the next decoding step.
    """
    document = architecture.document
    others = tensor_names(options.edits) - set(document.input or ())
    raw = bind_inputs(payload, document.input or {}, decoder_for(document, options, settings, share), others)
    beside = {name: raw.pop(name).array for name in others if name in raw}
    check_bytes(sum(array.nbytes for array in beside.values()), settings)
    return replace(fit_inputs(architecture, raw, settings), others=beside, edits=options.edits)


def decoder_for(document: Document, options: InputOptions, settings: Settings, share: MemoryShare) -> InputDecoder:
    """Return the decoder for inputs of this document."""
    if options.scale is None and document.scale is not None:
        options = options.model_copy(update={"scale": document.scale})
    return InputDecoder(options, settings, share)


def fit_inputs(architecture: Architecture, raw: Mapping[str, DecodedInput], settings: Settings) -> ResolvedInputs:
    """Fit decoded inputs to the network. Raises as `resolve`."""
    document = architecture.document
    declared = document.input or {}
    arrays: dict[str, Array] = {}
    for name in declared or raw:
        spec = declared.get(name) or _declaration(document, raw[name])
        architecture = architecture if declared else architecture.on_inputs({name: spec})
        arrays[name] = fit(raw[name].array, spec, name, raw[name].pointer, widen=False)
    _check(arrays, architecture.document.input or {}, settings)
    notes = {name: decoded.preprocessing for name, decoded in raw.items() if decoded.preprocessing}
    return ResolvedInputs(architecture.network, tuple(arrays.values()), notes)


def _declaration(document: Document, decoded: DecodedInput) -> InputSpec:
    """Declare the input of a document that declares none: the payload's shape, float32 unless ids are looked up.

    Raises:
        InvalidTensor: an input cannot have this shape.
    """
    shape = decoded.array.shape
    batched = decoded.batched if decoded.batched is not None else _has_batch(document, len(shape))
    looks_up = document.layers[0].id_bound() is not None and decoded.array.dtype.kind in "iu"
    dtype = decoded.dtype or ("int64" if looks_up else "float32")
    lengths = list(shape[1:] if batched else shape)
    if len(lengths) >= MAX_RANK or not all(1 <= length <= MAX_LENGTH for length in lengths):
        expected = f"at most {MAX_RANK - 1} axes beside the batch, each of 1 to {MAX_LENGTH:,}"
        raise InvalidTensor.at(decoded.pointer, "no input has this shape", expected=expected, received=words(shape))
    return InputSpec.model_validate({"shape": lengths, "dtype": dtype})


def _has_batch(document: Document, rank: int) -> bool:
    """Whether a tensor of this rank includes the batch: by the first layer's input rank, else with two axes or more."""
    expected_rank = document.layers[0].input_rank
    if isinstance(expected_rank, int):
        return rank != expected_rank - 1
    return rank > 1


def _check(arrays: Mapping[str, Array], declared: Mapping[str, InputSpec], settings: Settings) -> None:
    """Check that all inputs have the same batch and, in their declared dtypes, are within the limit of bytes."""
    batches = {name: array.shape[0] for name, array in arrays.items()}
    if len(set(batches.values())) > 1:
        received = ", ".join(f"{name}: {batch}" for name, batch in batches.items())
        raise InvalidTensor.at(
            "/inputs", "the inputs differ in batch", expected="the same batch for all", received=received
        )
    check_bytes(sum(array.size * DTYPES[declared[name].dtype].itemsize for name, array in arrays.items()), settings)

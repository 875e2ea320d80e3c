"""From what was posted to arrays that fit the network's inputs, each with a note of what was done to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.documents.document import Document
from models.documents.inputs import InputSpec
from models.errors import InvalidTensor, Problem
from models.limits import MAX_LENGTH, MAX_RANK
from models.networks.expansion import expand
from models.networks.network import Network
from models.tensors import DTYPES, fit
from models.tensors.shapes import words
from service.options.activation import ActivationOptions
from service.requests.binding import by_name
from service.requests.decode_memory import MemoryShare
from service.requests.payload import Array, DecodedInput, InputDecoder, InputPayload, check_bytes
from service.settings import Settings


@dataclass(frozen=True)
class Resolved:
    """A network on inputs of known shape, and the arrays for them, in the order of `network.inputs`.

    An array may be of another dtype than its input, which an engine casts safely: there is less to copy.
    """

    network: Network
    arrays: tuple[Array, ...]
    preprocessing: dict[str, dict[str, Any]] = field(default_factory=dict)


def resolve(
    document: Document, posted: InputPayload, options: ActivationOptions, settings: Settings, share: MemoryShare
) -> Resolved:
    """Decodes the inputs, declares the ones the document left out, and fits each to its declaration.

    Raises:
        InvalidTensor, InvalidImage, Unparsable: with a pointer to the input at fault.
        TooLarge: when the arrays together are over the limit.
        NoRoom: before something is decoded for which memory is to be taken first.
    """
    raw = by_name(posted, document.input or {}, decoder_for(document, options, settings, share))
    return fitted(document, raw, settings)


def decoder_for(document: Document, options: ActivationOptions, settings: Settings, share: MemoryShare) -> InputDecoder:
    """What decodes inputs of this document."""
    if options.scale is None and document.scale is not None:
        options = options.model_copy(update={"scale": document.scale})
    return InputDecoder(options, settings, share)


def fitted(document: Document, raw: Mapping[str, DecodedInput], settings: Settings) -> Resolved:
    """The network on decoded inputs. Raises as `resolve`."""
    declared = document.input or {}
    arrays: dict[str, Array] = {}
    for name in declared or raw:
        spec = declared.get(name) or _declaration(document, raw[name])
        document = document if declared else document.with_inputs({name: spec})
        arrays[name] = fit(raw[name].array, spec, name, raw[name].pointer, widen=False)
    _check(arrays, document.input or {}, settings)
    notes = {name: given.preprocessing for name, given in raw.items() if given.preprocessing}
    return Resolved(expand(document), tuple(arrays.values()), notes)


def _declaration(document: Document, given: DecodedInput) -> InputSpec:
    """The input of a document that declares none: the shape of what was posted, float32 unless ids are looked up.

    Raises:
        InvalidTensor: no input can be declared with this shape.
    """
    shape = given.array.shape
    batched = given.batched if given.batched is not None else _has_batch(document, len(shape))
    looks_up = document.layers[0].id_bound() is not None and given.array.dtype.kind in "iu"
    dtype = given.dtype or ("int64" if looks_up else "float32")
    lengths = list(shape[1:] if batched else shape)
    if len(lengths) >= MAX_RANK or not all(1 <= length <= MAX_LENGTH for length in lengths):
        expected = f"at most {MAX_RANK - 1} axes beside the batch, each of 1 to {MAX_LENGTH:,}"
        raise InvalidTensor("", [Problem(given.pointer, "no input has this shape", expected, words(shape))])
    return InputSpec.model_validate({"shape": lengths, "dtype": dtype})


def _has_batch(document: Document, rank: int) -> bool:
    """Whether a tensor of this rank carries its batch: by what the first layer reads, else by its having two axes."""
    wanted = document.layers[0].input_rank
    if isinstance(wanted, int):
        return rank != wanted - 1
    return rank > 1


def _check(arrays: Mapping[str, Array], declared: Mapping[str, InputSpec], settings: Settings) -> None:
    """One batch for all inputs, and no more bytes than allowed once each is of its declared dtype."""
    batches = {name: array.shape[0] for name, array in arrays.items()}
    if len(set(batches.values())) > 1:
        received = ", ".join(f"{name}: {batch}" for name, batch in batches.items())
        raise InvalidTensor("", [Problem("/inputs", "the inputs differ in batch", "the same batch for all", received)])
    check_bytes(sum(array.size * DTYPES[declared[name].dtype].itemsize for name, array in arrays.items()), settings)

"""Decoding of the inputs of an inference into arrays, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from models.documents.inputs import InputSpec
from models.errors import InvalidTensor, Problem, TooLarge, did_you_mean, shown
from models.errors.problem import MAX_PROBLEMS
from models.images import image_bytes
from models.tensors.dtypes import DTYPES, Array, from_bytes
from models.tensors.forms import parse_tensor
from models.tensors.shapes import checked_shape, words
from service.open_inference.codec import BYTES, DATATYPES, unpack_bytes
from service.open_inference.request import Input
from service.requests.body import MAX_FILES
from service.requests.decoder import InputDecoder
from service.requests.payload import DecodedInput

DTYPE_OF: Mapping[str, str] = {datatype: name for name, datatype in DATATYPES.items()}


def decode_inputs(
    inputs: Sequence[Input], tensors: memoryview, declared: Mapping[str, InputSpec], decoder: InputDecoder
) -> dict[str, DecodedInput]:
    """Decode every input. An undeclared one is named `input`.

    Raises:
        InvalidTensor: for inputs that are missing, unknown or given twice, and for values that do not fill their shape.
    """
    _check_names([tensor.name for tensor in inputs], list(declared) or ["input"])
    chunks = _split_bytes(inputs, tensors)
    return {
        tensor.name: _decode(tensor, chunk, declared.get(tensor.name), decoder, f"/inputs/{number}")
        for number, (tensor, chunk) in enumerate(zip(inputs, chunks, strict=True))
    }


def raw_input(tensors: memoryview, declared: Mapping[str, InputSpec]) -> dict[str, DecodedInput]:
    """Decode a body that is the bytes of the network's one input, as a batch of one.

    Raises:
        InvalidTensor: there are several inputs, or more than one axis is free.
    """
    if len(declared) != 1:
        message = "a body of bytes alone is for a model of one input that is declared"
        received = f"{len(declared)} declared inputs"
        raise InvalidTensor.at("", message, expected="JSON with inputs", received=received)
    ((name, spec),) = declared.items()
    size, known = DTYPES[spec.dtype].itemsize, prod(length for length in spec.shape if length is not None)
    free = spec.shape.count(None)
    length, rest = divmod(len(tensors), known * size)
    if free > 1 or rest or (not free and length != 1):
        expected = f"{words([1, *spec.shape])} of {DATATYPES[spec.dtype]}"
        raise InvalidTensor.at("", f"the body is not {name}", expected=expected, received=f"{len(tensors):,} bytes")
    shape_of_one = (1, *(length if axis is None else axis for axis in spec.shape))
    return {name: DecodedInput(from_bytes(tensors, spec.dtype, shape_of_one, ""), "", True)}


def _check_names(names: Sequence[str], expected: Sequence[str]) -> None:
    problems: list[Problem] = []
    for number, name in enumerate(names):
        if len(problems) == MAX_PROBLEMS:
            break
        pointer = f"/inputs/{number}/name"
        if name not in expected:
            near = did_you_mean(name, expected) if len(expected) > 1 else expected[0]
            near = None if near in names else near
            advice = f'write "{near}"' if near else None
            listed = f"one of {', '.join(expected[:20])}"
            problems.append(Problem(pointer, "the model has no input of this name", listed, shown(name), advice))
        elif name in names[:number]:
            problems.append(Problem(pointer, f"the input {name} is given twice", "each input once", shown(name)))
    if not problems:
        problems = [
            Problem("/inputs", f"the input {name} is missing", f"all of {', '.join(expected[:20])}", "nothing")
            for name in expected if name not in names
        ]  # fmt: skip
    if problems:
        raise InvalidTensor("", problems[:MAX_PROBLEMS])


def _split_bytes(inputs: Sequence[Input], tensors: memoryview) -> list[memoryview | None]:
    """Split the bytes by input; None where the values are in the JSON."""
    chunks: list[memoryview | None] = []
    rest = tensors
    for number, tensor in enumerate(inputs):
        size, pointer = tensor.parameters.binary_data_size, f"/inputs/{number}"
        if (size is None) == (tensor.data is None):
            received = "neither" if size is None else "both"
            message = "an input has either data or binary_data_size"
            raise InvalidTensor.at(pointer, message, expected="one of them", received=received)
        if size is not None and size > len(rest):
            message, expected = f"unexpected size for input {tensor.name}", f"{size:,} bytes behind the JSON"
            raise InvalidTensor.at(pointer, message, expected=expected, received=f"{len(rest):,} bytes")
        chunks.append(None if size is None else rest[:size])
        rest = rest[size or 0 :]
    if len(rest):
        message, expected = "unexpected additional input data", "as many bytes as the inputs have"
        raise InvalidTensor.at("", message, expected=expected, received=f"{len(rest):,} more")
    return chunks


def _decode(
    tensor: Input, chunk: memoryview | None, spec: InputSpec | None, decoder: InputDecoder, pointer: str
) -> DecodedInput:
    shape = checked_shape(tensor.shape, f"{pointer}/shape")
    if tensor.datatype == BYTES:
        if chunk is not None:
            decoder.share.claim(len(chunk), len(chunk), "bytes of pictures", pointer)
        return decoder.images(_files(tensor, chunk, shape, pointer, decoder), spec, pointer)
    dtype = DTYPE_OF[tensor.datatype]
    array = _from_json(tensor, shape, dtype, pointer) if chunk is None else _from_binary(chunk, shape, dtype, pointer)
    return DecodedInput(array, pointer, None, dtype)


def _from_binary(chunk: memoryview, shape: tuple[int, ...], dtype: str, pointer: str) -> Array:
    needed = prod(shape) * DTYPES[dtype].itemsize
    if len(chunk) != needed:
        expected = f"{needed:,} bytes for {words(shape)} of {DATATYPES[dtype]}"
        message, received = "the bytes do not fill the shape", f"{len(chunk):,} bytes"
        raise InvalidTensor.at(pointer, message, expected=expected, received=received)
    return from_bytes(chunk, dtype, shape, pointer)


def _from_json(tensor: Input, shape: tuple[int, ...], dtype: str, pointer: str) -> Array:
    if dtype == "bfloat16":
        expected = "binary_data_size, or FP32"
        raise InvalidTensor.at(pointer, "BF16 has no form in JSON", expected=expected, received="data")
    if not shape and not isinstance(tensor.data, list):
        expected, received = "an array of one number", shown(tensor.data)
        raise InvalidTensor.at(f"{pointer}/data", "data is an array", expected=expected, received=received)
    return parse_tensor({"shape": list(shape), "dtype": dtype, "data": tensor.data}, pointer)


def _files(
    tensor: Input, chunk: memoryview | None, shape: tuple[int, ...], pointer: str, decoder: InputDecoder
) -> list[bytes]:
    """Return the image files, one per element; in JSON, which has only text, they are base64."""
    count = prod(shape)
    if len(shape) not in (1, 2) or shape[1:] not in ((), (1,)) or not count:
        message, expected = "BYTES are images, one an element", "[batch] or [batch, 1]"
        raise InvalidTensor.at(f"{pointer}/shape", message, expected=expected, received=words(shape))
    if count > MAX_FILES:
        message, expected = "there are too many images in one request", f"at most {MAX_FILES} images"
        raise TooLarge.at(
            f"{pointer}/shape", message, expected=expected, received=f"{count:,}", suggestion="send several requests"
        )
    if chunk is not None:
        return unpack_bytes(chunk, count, pointer)
    rows = tensor.data if isinstance(tensor.data, list) else []
    texts = [text for row in rows for text in (row if isinstance(row, list) else [row])]
    if len(texts) != count:
        message, received = "the data does not fill the shape", shown(tensor.data)
        raise InvalidTensor.at(f"{pointer}/data", message, expected=f"{count} strings", received=received)
    for number, text in enumerate(texts):
        decoder.claim_text(text, f"{pointer}/data/{number}")
    return [image_bytes(text, f"{pointer}/data/{number}") for number, text in enumerate(texts)]

"""Serialization of the Open Inference Protocol, without a service."""

from __future__ import annotations

import gzip
import zlib

import ml_dtypes
import numpy as np
import orjson
import pytest
import rapidjson
from tritonclient.utils import deserialize_bytes_tensor, np_to_triton_dtype, serialize_byte_tensor

from models.errors import InvalidOption, InvalidTensor, Unparsable, Unsupported
from models.ipc.messages import TensorInfo
from models.tensors.dtypes import DTYPES
from service.errors.open_inference import in_one_line
from service.open_inference.codec import (
    DATATYPES,
    Output,
    class_labels,
    flat_json,
    output_of,
    pack_bytes,
    reply_head,
    unpack_bytes,
)
from service.open_inference.compression import choose_encoding, compress
from service.open_inference.envelope import parse_envelope
from service.open_inference.request import infer_request
from service.wire.stream import HeadThenTensors, encode_whole

TOLD = {"model_name": "m", "model_version": "1"}


def info_of(name, array):
    """Describe an array."""
    return TensorInfo(name, array.dtype.name, array.shape, array.nbytes)


def test_the_bytes_of_a_reply():
    """JSON in this order, then the tensors: little-endian, without padding."""
    arrays = {"a:pre": np.uint8([[1, 2]]), "b": np.float16([1.0]), "c": np.zeros((0, 3), np.float32)}
    infos = [info_of(name, array) for name, array in arrays.items()]
    head = reply_head(TOLD, [output_of(info.name, info) for info in infos])
    stream = HeadThenTensors(head, infos)
    body = encode_whole(stream, [array.tobytes() for array in arrays.values()])
    assert body == (
        b'{"model_name":"m","model_version":"1","outputs":['
        b'{"name":"a:pre","datatype":"UINT8","shape":[1,2],"parameters":{"binary_data_size":2}},'
        b'{"name":"b","datatype":"FP16","shape":[1],"parameters":{"binary_data_size":2}},'
        b'{"name":"c","datatype":"FP32","shape":[0,3],"parameters":{"binary_data_size":0}}]}'
        b"\x01\x02\x00\x3c"
    )
    assert stream.length == len(body)


def test_a_reply_in_json_only():
    """Values are in C order, whatever the shape."""
    array = np.arange(4, dtype=np.int32).reshape(2, 2).T
    head = reply_head(TOLD, [Output("a", "INT32", (2, 2), None, flat_json(array))])
    assert orjson.loads(head)["outputs"] == [{"name": "a", "datatype": "INT32", "shape": [2, 2], "data": [0, 2, 1, 3]}]


def test_datatypes_match_those_of_the_client():
    """Each dtype has the name that Triton's client uses."""
    names = {name: np_to_triton_dtype(dtype) for name, dtype in DTYPES.items()}
    assert dict(DATATYPES) == names


def test_nonfinite_numbers_are_literals():
    """As rapidjson, the clients' parser, reads and writes them."""
    text = orjson.dumps(flat_json(np.float32([[np.nan, 1.5], [np.inf, -np.inf]])))
    assert text == b"[NaN,1.5,Infinity,-Infinity]"
    assert repr(rapidjson.loads(text)) == "[nan, 1.5, inf, -inf]"


@pytest.mark.parametrize("dtype", [name for name in DTYPES if name != "bfloat16"])
def test_json_keeps_every_bit(dtype):
    """Of the extremes of each dtype."""
    if dtype == "bool":
        array = np.array([True, False])
    elif "float" in dtype:
        array = np.array([np.finfo(dtype).max, np.finfo(dtype).tiny, -0.1], dtype)
    else:
        array = np.array([np.iinfo(dtype).max, np.iinfo(dtype).min], dtype)
    read = np.array(rapidjson.loads(orjson.dumps(flat_json(array))), dtype)
    assert read.tobytes() == array.tobytes()


def test_elements_match_those_of_the_client():
    """In both directions."""
    elements = [b"", b"ab", bytes(range(256))]
    data = pack_bytes(elements)
    assert data == serialize_byte_tensor(np.array(elements, object)).item()
    assert deserialize_bytes_tensor(data).tolist() == elements
    assert unpack_bytes(memoryview(data), 3, "") == elements
    assert unpack_bytes(memoryview(b""), 0, "") == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x02\0\0\0a", "element 0 of BYTES is cut off"),
        (b"\x02\0", "element 0 of BYTES is cut off"),
        (b"\xff\xff\xff\xff", "element 0 of BYTES is cut off"),
        (b"\0\0\0\0\0", "there are more bytes than elements"),
    ],
)
def test_invalid_elements_are_rejected(data, message):
    """Lengths are checked against the available bytes."""
    with pytest.raises(InvalidTensor, match=message):
        unpack_bytes(memoryview(data), 1, "/inputs/0")


def test_classes_round_trip():
    """NaN and infinities too."""
    values = np.array([[np.inf, 0.1, 1e-20, np.nan]], np.float32)
    words = class_labels(values, np.array([[3, 0, 2, 1]]))
    assert words == [b"inf:3", b"0.1:0", b"0.00000000000000000001:2", b"nan:1"]
    assert class_labels(np.array([2], np.uint8), np.array([0])) == [b"2:0"]
    assert class_labels(np.array([1.5], ml_dtypes.bfloat16), np.array([7])) == [b"1.5:7"]


def test_a_body_is_split_by_the_header():
    """JSON, then bytes; without the header all is JSON; 0 means no JSON."""
    envelope = parse_envelope(b'{"a":1}xyz', "7")
    assert (envelope.head, bytes(envelope.tensors), envelope.has_json) == ({"a": 1}, b"xyz", True)
    assert parse_envelope(b'{"a":NaN,"b":[-Infinity]}', None).head["b"] == [-np.inf]
    envelope = parse_envelope(b"xyz", "0")
    assert (bytes(envelope.tensors), envelope.has_json) == (b"xyz", False)
    assert parse_envelope(b"null", "4").has_json


@pytest.mark.parametrize("header", ["-1", "8", "7.0", "0x7", "", "٧", "9" * 30, "1e0"])
def test_invalid_header_lengths_are_rejected(header):
    """Before they are used as an index."""
    with pytest.raises(InvalidOption, match="Inference-Header-Content-Length"):
        parse_envelope(b'{"a":1}', header)


@pytest.mark.parametrize("body", [b"", b"{", b"[NaN", b'{"a":NaN' + b"[" * 100_000])
def test_invalid_json_is_rejected(body):
    """Also if NaN makes a second parser read it."""
    with pytest.raises(Unparsable):
        parse_envelope(body, None)


TENSOR = {"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"inputs": {}}, "/inputs"),
        ({"inputs": [{**TENSOR, "datatype": "FP23"}]}, "/inputs/0/datatype"),
        ({"inputs": [{**TENSOR, "shape": [1.5]}]}, "/inputs/0/shape/0"),
        ({"inputs": [{**TENSOR, "dtype": "FP32"}]}, "/inputs/0/dtype"),
        ({"inputs": [{**TENSOR, "parameters": {"binary_data_size": -1}}]}, "/inputs/0/parameters/binary_data_size"),
        ({"outputs": [{"name": "y", "parameters": {"classification": 0}}]}, "/outputs/0/parameters/classification"),
        ({"outputs": [{"name": "y", "parameters": {"clasification": 1}}]}, "/outputs/0/parameters/clasification"),
        ({"parameters": {"training": 1}}, "/parameters/training"),
        ({"parameters": {"trace": True}}, "/parameters/trace"),
        ({"parameters": []}, "/parameters"),
        ({"id": 7}, "/id"),
        ({"input": []}, "/input"),
    ],
)
def test_invalid_requests_are_rejected(change, pointer):
    """With a pointer."""
    with pytest.raises(InvalidOption) as caught:
        infer_request({"inputs": [TENSOR], **change})
    assert [problem.pointer for problem in caught.value.problems] == [pointer]


def test_parameters_of_schedulers_are_ignored():
    """Triton's own, and those of its tools."""
    reserved = {"sequence_id": 3, "sequence_start": True, "sequence_end": False, "priority": 1, "timeout": 10,
                "headers": {}, "triton_enable_empty_final_response": True}  # fmt: skip
    assert infer_request({"inputs": [TENSOR], "parameters": reserved}) == infer_request({"inputs": [TENSOR]})


def test_null_equals_absence():
    """As some clients write it."""
    nulls = {"id": None, "outputs": None, "parameters": None}
    assert infer_request({"inputs": [{**TENSOR, "parameters": None}], **nulls}) == infer_request({"inputs": [TENSOR]})


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_shared_memory_is_unsupported(kind):
    """This is reported before other problems."""
    tensor = {"name": "x", "parameters": {"shared_memory_region": "r", "shared_memory_byte_size": 4}}
    with pytest.raises(Unsupported) as caught:
        infer_request({"inputs": [], kind: [tensor]})
    assert caught.value.problems[0].pointer == f"/{kind}/0/parameters/shared_memory_region"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, None), ("", None), ("gzip", "gzip"), ("deflate", "deflate"), ("gzip, deflate, br", "gzip"),
        ("deflate;q=0.5, gzip;q=0.8", "gzip"), ("deflate, gzip", "deflate"), ("identity, gzip", None),
        ("gzip;q=0", None), ("br", None), ("GZIP ; Q=0.3", "gzip"), ("gzip;q=2", None), ("*", None),
    ],
)  # fmt: skip
def test_the_preferred_encoding_is_chosen(accept, chosen):
    """Of identity, gzip and deflate, the first among equals."""
    assert choose_encoding(accept) == chosen


def test_bodies_are_compressed_in_standard_formats():
    """Deflate is the zlib format."""
    pieces = [b"a" * 5000, memoryview(b"b" * 5000)]
    assert gzip.decompress(compress(pieces, "gzip")) == b"a" * 5000 + b"b" * 5000
    assert zlib.decompress(compress(pieces, "deflate")) == b"a" * 5000 + b"b" * 5000


def test_errors_are_one_line():
    """Clients show nothing else."""
    with pytest.raises(InvalidOption) as caught:
        infer_request({"inputs": [TENSOR], "parameters": {"trainin": True}})
    line = in_one_line(caught.value.detail, caught.value.problems)
    assert line.startswith('/parameters/trainin: "trainin" is not a known field (expected one of slice, ')
    assert line.endswith('; received "trainin"; write "training")')
    assert in_one_line("Nothing more.", []) == "Nothing more."

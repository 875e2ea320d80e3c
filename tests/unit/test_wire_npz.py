import zipfile
from io import BytesIO

import ml_dtypes
import numpy as np
import pytest

from models.engine.messages import TensorInfo
from models.errors import Unacceptable
from models.tensors import DTYPES, read_npy, read_npz
from service.wire import zip_records
from service.wire.npy import NpyStream
from service.wire.npz import NpzStream
from service.wire.stream import whole

ARRAYS = {
    **{name: np.array([[0, 1, 1]], dtype) for name, dtype in DTYPES.items()},
    "block1/conv2d:pre": np.float32([np.nan, -0.0]),
    "schön@1": np.float32(3).reshape(()),
    "leer": np.zeros((2, 0), np.int16),
}


def info_of(name, array):
    """The array's description."""
    return TensorInfo(name, array.dtype.name, array.shape, array.nbytes)


def encoded(arrays):
    """The body, once its announced length was checked."""
    stream = NpzStream([info_of(name, array) for name, array in arrays.items()])
    body = whole(stream, [array.tobytes() for array in arrays.values()])
    assert len(body) == stream.length
    return body


def saved(array):
    """What numpy.save writes."""
    buffer = BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def in_numpy(array):
    """The array as .npy can hold it."""
    return array.astype(np.float32) if array.dtype == ml_dtypes.bfloat16 else array


def test_the_bytes_are_those_of_the_format():
    """One stored member dated 1980-01-01, the directory, the end record."""
    member = saved(np.int8([5]))
    common = bytes.fromhex("00000000 0000 2100 ab3d6b9f 81000000 81000000 0500 0000").replace(
        b"\xab\x3d\x6b\x9f", _crc(member)
    )
    local = b"PK\x03\x04\x14\0" + common + b"a.npy"
    directory = b"PK\x01\x02\x14\0\x14\0" + common + bytes(14) + b"a.npy"
    end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0" + len(directory).to_bytes(4, "little")
    end += len(local + member).to_bytes(4, "little") + b"\0\0"
    assert encoded({"a": np.int8([5])}) == local + member + directory + end


def _crc(data):
    """CRC-32 bit by bit, little-endian."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return (crc ^ 0xFFFFFFFF).to_bytes(4, "little")


def test_members_are_what_numpy_saves():
    """Byte for byte; bfloat16 as the float32 that equals it."""
    with zipfile.ZipFile(BytesIO(encoded(ARRAYS))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            f"{name}.npy": saved(in_numpy(array)) for name, array in ARRAYS.items()
        }


def test_numpy_loads_it():
    """By address, with dtypes and shapes."""
    with np.load(BytesIO(encoded(ARRAYS))) as loaded:
        assert loaded.files == list(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(loaded[name], in_numpy(array), strict=True)


def test_ours_reads_what_ours_writes():
    """Through the reader with all its checks."""
    read = read_npz(encoded(ARRAYS), 10**6)
    assert {name: array.tobytes() for name, array in read.items()} == {
        name: in_numpy(array).tobytes() for name, array in ARRAYS.items()
    }


@pytest.mark.parametrize("limit", [1, 200, 400, 700])
def test_zip64_takes_over_where_numbers_do_not_fit(monkeypatch, limit):
    """With the limit lowered sizes, then offsets, go into ZIP64 fields that zipfile understands."""
    monkeypatch.setattr(zip_records, "LIMIT", limit)
    monkeypatch.setattr(zip_records, "COUNT_LIMIT", 2)
    plain = zip_records.LIMIT
    body = encoded({"a": np.arange(40), "b": np.arange(9), "c": np.arange(3)})
    assert plain == limit
    # Readers look for 0xFFFFFFFF where we, with the lowered limit, wrote that limit.
    patched = _with_real_marks(body, limit)
    with np.load(BytesIO(patched)) as loaded:
        assert {name: loaded[name].size for name in loaded.files} == {"a": 40, "b": 9, "c": 3}


def _with_real_marks(body, limit):
    """The archive with the lowered mark replaced by the real one in the fields that carry it."""
    out = bytearray(body)
    mark, real = limit.to_bytes(4, "little"), b"\xff" * 4
    for signature, fields in ((b"PK\x03\x04", (18, 22)), (b"PK\x01\x02", (20, 24, 42)), (b"PK\x05\x06", (12, 16))):
        start = body.find(signature)
        while start >= 0:
            for field in fields:
                if out[start + field : start + field + 4] == mark:
                    out[start + field : start + field + 4] = real
            start = body.find(signature, start + 4)
    out[-14:-10] = b"\xff" * 4
    return bytes(out)


def test_lengths_beyond_4_gib_are_announced():
    """5 GiB in two tensors: both ZIP64 fields, the second only for its offset."""
    large, small = TensorInfo("a", "uint8", (5 * 2**30,), 5 * 2**30), TensorInfo("b", "uint8", (1,), 1)
    stream = NpzStream([large, small])
    local, central, end = (30 + 5 + 20) + (30 + 5), (46 + 5 + 20) + (46 + 5 + 12), 56 + 20 + 22
    assert stream.length == 5 * 2**30 + 1 + 2 * 128 + local + central + end


def test_tensors_come_in_order():
    """The directory needs every checksum."""
    stream = NpzStream([TensorInfo("a", "int8", (1,), 1), TensorInfo("b", "int8", (1,), 1)])
    with pytest.raises(ValueError, match="tensor 0 is next"):
        stream.member(1, b"0")


def test_two_tensors_of_one_name_are_a_defect():
    """One would hide the other."""
    with pytest.raises(ValueError, match="same name"):
        NpzStream([TensorInfo("a", "int8", (1,), 1)] * 2)


@pytest.mark.parametrize("name", ARRAYS)
def test_npy_is_what_numpy_saves(name):
    """The same bytes for one tensor alone."""
    stream = NpyStream([info_of(name, ARRAYS[name])])
    body = whole(stream, [ARRAYS[name].tobytes()])
    assert body == saved(in_numpy(ARRAYS[name]))
    assert len(body) == stream.length
    np.testing.assert_array_equal(read_npy(body), in_numpy(ARRAYS[name]), strict=True)


@pytest.mark.parametrize("count", [0, 2])
def test_npy_holds_one_tensor(count):
    """Anything else is asked for otherwise."""
    with pytest.raises(Unacceptable) as caught:
        NpyStream([TensorInfo("a", "int8", (1,), 1)] * count)
    assert caught.value.problems[0].received == f"{count} tensors"

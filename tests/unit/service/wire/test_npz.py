import zipfile
import zlib
from io import BytesIO

import ml_dtypes
import numpy as np
import pytest

from models.errors import Unacceptable
from models.ipc.messages import TensorInfo
from models.tensors import DTYPES, read_npy, read_npz
from service.wire.npy import NpyStream
from service.wire.npz import NpzStream
from service.wire.stream import encode_whole
from service.wire.zip_records import Member, directory, local_header, local_header_bytes

ARRAYS = {
    **{name: np.array([[0, 1, 1]], dtype) for name, dtype in DTYPES.items()},
    "block1/conv2d:pre": np.float32([np.nan, -0.0]),
    "schön@1": np.float32(3).reshape(()),
    "leer": np.zeros((2, 0), np.int16),
}


def info_of(name, array):
    """Describe an array."""
    return TensorInfo(name, array.dtype.name, array.shape, array.nbytes)


def encode(arrays):
    """Encode the body and check its announced length."""
    stream = NpzStream([info_of(name, array) for name, array in arrays.items()])
    body = encode_whole(stream, [array.tobytes() for array in arrays.values()])
    assert len(body) == stream.length
    return body


def npy_of(array):
    """Encode with numpy.save."""
    buffer = BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def as_npy_dtype(array):
    """Convert to a dtype that .npy supports."""
    return array.astype(np.float32) if array.dtype == ml_dtypes.bfloat16 else array


def test_the_bytes_follow_the_zip_format():
    """One stored member dated 1980-01-01, the directory, the end record."""
    member = npy_of(np.int8([5]))
    sizes = len(member).to_bytes(4, "little") * 2
    common = bytes.fromhex("0000 0000 0000 2100") + crc_of(member) + sizes + b"\x05\0\0\0"
    local = b"PK\x03\x04\x14\0" + common + b"a.npy"
    listed = b"PK\x01\x02\x14\0\x14\0" + common + bytes(14) + b"a.npy"
    end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0" + len(listed).to_bytes(4, "little")
    end += len(local + member).to_bytes(4, "little") + b"\0\0"
    assert encode({"a": np.int8([5])}) == local + member + listed + end


def crc_of(data):
    """Compute CRC-32 bit by bit, little-endian."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return (crc ^ 0xFFFFFFFF).to_bytes(4, "little")


def test_members_equal_numpy_files():
    """Byte for byte; bfloat16 as the equal float32."""
    with zipfile.ZipFile(BytesIO(encode(ARRAYS))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            f"{name}.npy": npy_of(as_npy_dtype(array)) for name, array in ARRAYS.items()
        }


def test_numpy_loads_the_file():
    """By address, with dtypes and shapes."""
    with np.load(BytesIO(encode(ARRAYS))) as loaded:
        assert loaded.files == list(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(loaded[name], as_npy_dtype(array), strict=True)


def test_the_own_reader_accepts_the_file():
    """With all of its checks."""
    read = read_npz(encode(ARRAYS), 10**6)
    assert {name: array.tobytes() for name, array in read.items()} == {
        name: as_npy_dtype(array).tobytes() for name, array in ARRAYS.items()
    }


def test_members_beyond_4_gib_are_found(tmp_path):
    """ZIP64 for the size of one and the offset of the next, in a sparse file that NumPy reads."""
    content = npy_of(np.int8([5]))
    large = Member("a.npy", 5 * 2**30, 0)
    small = Member("b.npy", len(content), local_header_bytes("a.npy", large.size) + large.size)
    with (tmp_path / "sparse.npz").open("wb") as file:
        file.write(local_header(large, 0))
        file.seek(small.offset)
        file.write(local_header(small, zlib.crc32(content)) + content)
        file.write(directory([large, small], [0, zlib.crc32(content)], file.tell()))
    with np.load(tmp_path / "sparse.npz") as loaded:
        found = [(member.filename, member.file_size, member.header_offset) for member in loaded.zip.infolist()]
        assert found == [("a.npy", large.size, 0), ("b.npy", small.size, small.offset)]
        assert loaded["b"].tolist() == [5]


def test_more_members_than_16_bits_are_listed():
    """Their number is in the ZIP64 end record."""
    members = [Member(f"{n}", 0, 0) for n in range(2**16 + 1)]
    with zipfile.ZipFile(BytesIO(directory(members, [0] * len(members), 0))) as archive:
        assert len(archive.infolist()) == 2**16 + 1


def test_lengths_beyond_4_gib_are_exact():
    """5 GiB in two tensors: both ZIP64 fields, the second only for its offset."""
    large, small = TensorInfo("a", "uint8", (5 * 2**30,), 5 * 2**30), TensorInfo("b", "uint8", (1,), 1)
    stream = NpzStream([large, small])
    local, central, end = (30 + 5 + 20) + (30 + 5), (46 + 5 + 20) + (46 + 5 + 12), 56 + 20 + 22
    assert stream.length == 5 * 2**30 + 1 + 2 * 128 + local + central + end


def test_tensors_must_be_in_order():
    """The directory needs every checksum."""
    stream = NpzStream([TensorInfo("a", "int8", (1,), 1), TensorInfo("b", "int8", (1,), 1)])
    with pytest.raises(ValueError, match="tensor 0 is next"):
        stream.member(1, b"0")


def test_duplicate_names_are_an_error():
    """One would hide the other."""
    with pytest.raises(ValueError, match="same name"):
        NpzStream([TensorInfo("a", "int8", (1,), 1)] * 2)


@pytest.mark.parametrize("name", ARRAYS)
def test_npy_equals_numpy_save(name):
    """For a single tensor."""
    stream = NpyStream([info_of(name, ARRAYS[name])])
    body = encode_whole(stream, [ARRAYS[name].tobytes()])
    assert body == npy_of(as_npy_dtype(ARRAYS[name]))
    assert len(body) == stream.length
    np.testing.assert_array_equal(read_npy(body), as_npy_dtype(ARRAYS[name]), strict=True)


@pytest.mark.parametrize("count", [0, 2])
def test_npy_requires_one_tensor(count):
    """Other counts are Unacceptable."""
    with pytest.raises(Unacceptable) as caught:
        NpyStream([TensorInfo("a", "int8", (1,), 1)] * count)
    assert caught.value.problems[0].received == f"{count} tensors: {', '.join(['a'] * count)}"

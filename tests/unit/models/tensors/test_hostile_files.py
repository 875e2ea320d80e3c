"""Hostile input files: each is rejected with a domain error, quickly and with little memory."""

import json
import pickle
import random
import struct
import tracemalloc
import warnings
import zipfile
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.errors import InvalidImage, InvalidTensor, LayerscopeError, TooLarge, Unparsable
from models.images import read_image
from models.tensors import parse_tensor, read_npy, read_npz, read_safetensors

LIMIT = 100_000
"""Maximum bytes of a .npz file and pixels of an image in these tests."""


def npy_of(array):
    """Encode with numpy.save."""
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def npy(header, body=b"", version=1):
    """Build a .npy file with any header."""
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header + body


def npz(members, method=zipfile.ZIP_STORED):
    """Build a ZIP archive of (name, content) pairs."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # duplicates are intended
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def safetensors(header, body=b""):
    """Build a .safetensors file with any header, JSON or bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def tensor(begin=0, end=4, dtype="F32", shape=(1,)):
    """Build a safetensors entry."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def picture(format):
    """Encode a small image of noise."""
    buffer = BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    Image.fromarray(noise).save(buffer, format)
    return buffer.getvalue()


def decode_image(data):
    """Decode an image as the service does."""
    return read_image(data, (8, 8, 3), resize="bilinear", scale="unit", max_pixels=LIMIT)


HEADER = b"{'descr': '%s', 'fortran_order': False, 'shape': %s, }"
GOOD_NPY = npy_of(np.arange(6, dtype=np.int16).reshape(2, 3))
GOOD_NPZ = npz([("a.npy", GOOD_NPY), ("b/c.npy", GOOD_NPY)], zipfile.ZIP_DEFLATED)
GOOD_SAFETENSORS = safetensors({"a": tensor(), "b": tensor(4, 6, "BOOL", (2,))}, b"\0\0\x80\x3f\0\1")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", Unparsable),
        (b"PK\x03\x04", Unparsable),
        (GOOD_NPY + b"\0", Unparsable),
        (npy(HEADER % (b"<f4", b"(2,)"), bytes(8), version=4), Unparsable),
        (npy(HEADER % (b"<f4", b"(1152921504606846976,)")), InvalidTensor),
        (npy(HEADER % (b"<f4", b"(1000000,)"), bytes(4)), Unparsable),
        (npy(HEADER % (b"<f4", b"(-1,)"), bytes(4)), Unparsable),
        (npy(HEADER % (b"<f4", b"(True,)"), bytes(4)), Unparsable),
        (npy(HEADER % (b"<f4", b"(1.0,)"), bytes(4)), Unparsable),
        (npy(HEADER % (b"<f4", b"(" + b"1," * 9 + b")"), bytes(4)), InvalidTensor),
        (npy(HEADER % (b"<f4", b"(" * 2000 + b")" * 2000)), Unparsable),
        (npy(b"-" * 4000 + b"1"), Unparsable),
        (npy(b"[" * 4000), Unparsable),
        (npy(b" " * 5000 + HEADER % (b"<f4", b"()"), bytes(4)), Unparsable),
        (npy(b"__import__('os').getpid()"), Unparsable),
        (npy(b"{'descr': '<f4'}", bytes(4)), Unparsable),
        (npy(b"\xff\xfe"), Unparsable),
        (npy(HEADER % (b"f4,f4", b"()"), bytes(8)), InvalidTensor),
        (npy(HEADER % (b"<c8", b"()"), bytes(8)), InvalidTensor),
        (npy(HEADER % (b"<U1", b"()"), bytes(4)), InvalidTensor),
        (npy(HEADER % (b"|b1", b"(2,)"), b"\1\2"), InvalidTensor),
        (npy_of(np.array([None])), InvalidTensor),
        (npy_of(np.zeros(2, np.longdouble)), InvalidTensor),
        (pickle.dumps([1]), Unparsable),
    ],
)
def test_hostile_npy_files_are_rejected(data, error):
    """Nothing is allocated, unpickled or evaluated because of a header."""
    with pytest.raises(error):
        read_npy(data)


def test_unusual_npy_files_are_read():
    """Big-endian, Fortran order and format version 2."""
    array = np.asfortranarray(np.arange(6, dtype=">f8").reshape(2, 3))
    np.testing.assert_array_equal(read_npy(npy_of(array)), array)
    assert read_npy(npy_of(array)).dtype.str == "<f8"
    data = npy(HEADER.replace(b"False", b"True") % (b">i2", b"(2, 2)"), bytes([0, 1, 0, 2, 0, 3, 0, 4]), version=2)
    assert read_npy(data).tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", Unparsable),
        (GOOD_NPY, Unparsable),
        (b"PK\x05\x06" + bytes(18), None),
        (GOOD_NPZ[:-2] + b"\x01\0x", Unparsable),
        (npz([("a.npy", GOOD_NPY)] * 2), Unparsable),
        (npz([("../a.npy", GOOD_NPY)]), Unparsable),
        (npz([("/a.npy", GOOD_NPY)]), Unparsable),
        (npz([("a/./b.npy", GOOD_NPY)]), Unparsable),
        (npz([("a\\b.npy", GOOD_NPY)]), Unparsable),
        (npz([("a\n.npy", GOOD_NPY)]), Unparsable),
        (npz([("a.txt", GOOD_NPY)]), Unparsable),
        (npz([("a.npy/", b"")]), Unparsable),
        (npz([(".npy", GOOD_NPY)]), Unparsable),
        (npz([("a.npy", b"no array")]), Unparsable),
        (npz([("a.npy", GOOD_NPY)], zipfile.ZIP_LZMA), Unparsable),
        (npz([("a.npy", GOOD_NPY)], zipfile.ZIP_BZIP2), Unparsable),
        (npz([(f"{n}.npy", GOOD_NPY) for n in range(4097)]), TooLarge),
        (npz([("a.npy", bytes(LIMIT + 1))], zipfile.ZIP_DEFLATED), TooLarge),
        (npz([("a.npy", bytes(LIMIT // 2)), ("b.npy", bytes(LIMIT // 2 + 1))], zipfile.ZIP_DEFLATED), TooLarge),
        (npz([("a.npy", npy_of(np.array([None])))]), InvalidTensor),
    ],
)  # fmt: skip
def test_hostile_npz_files_are_rejected(data, error):
    """Names, methods, counts and sizes are checked before decompression; an empty archive is valid."""
    if error is None:
        assert read_npz(data, LIMIT) == {}
        return
    with pytest.raises(error):
        read_npz(data, LIMIT)


def test_encrypted_members_are_rejected():
    """By the flag in the directory."""
    data = bytearray(npz([("a.npy", GOOD_NPY)]))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(Unparsable, match="stored or deflated"):
        read_npz(bytes(data), LIMIT)


def test_decompression_stops_at_the_declared_size():
    """64 MiB behind a declared 1,000 bytes are not decompressed."""
    data = bytearray(npz([("a.npy", bytes(64 * 2**20))], zipfile.ZIP_DEFLATED))
    for signature, field in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.index(signature) + field
        data[start : start + 4] = (1000).to_bytes(4, "little")
    tracemalloc.start()
    with pytest.raises(Unparsable):
        read_npz(bytes(data), LIMIT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**21


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", Unparsable),
        (b"\xff" * 8, Unparsable),
        ((2**20 + 1).to_bytes(8, "little") + b"{" + b" " * 2**20, TooLarge),
        (safetensors(b""), Unparsable),
        (safetensors(b"[]"), Unparsable),
        (safetensors(b" {}"), Unparsable),
        (safetensors(b"{\xff}"), Unparsable),
        (safetensors(b'{"a":' * 100_000), Unparsable),
        (safetensors(b"[" * 100_000), Unparsable),
        (safetensors(b'{"a":' + b"1" * 10_000 + b"}"), Unparsable),
        (safetensors(b'{"__metadata__":{},"__metadata__":{}}'), Unparsable),
        (safetensors(b'{"a":%s,"a":%s}' % ((json.dumps(tensor()).encode(),) * 2), bytes(4)), Unparsable),
        (safetensors({"\ud800": tensor()}, bytes(4)), Unparsable),
        (safetensors({"__metadata__": "x"}), Unparsable),
        (safetensors({"a": tensor()}, bytes(3)), Unparsable),
        (safetensors({"a": tensor()}, bytes(5)), Unparsable),
        (safetensors({"a": tensor(), "b": tensor()}, bytes(4)), Unparsable),
        (safetensors({"a": tensor(), "b": tensor(2, 6)}, bytes(6)), Unparsable),
        (safetensors({"a": tensor(), "b": tensor(8, 12)}, bytes(12)), Unparsable),
        (safetensors({"a": tensor(4, 8)}, bytes(8)), Unparsable),
        (safetensors({"a": tensor(4, 0)}, bytes(4)), Unparsable),
        (safetensors({"a": tensor(-4, 0)}, bytes(4)), Unparsable),
        (safetensors({"a": tensor(0, 10**400)}, bytes(4)), Unparsable),
        (safetensors({"a": tensor(0.0, 4.0)}, bytes(4)), Unparsable),
        (safetensors({"a": tensor(False, 4)}, bytes(4)), Unparsable),
        (safetensors({"a": tensor() | {"more": 1}}, bytes(4)), Unparsable),
        (safetensors({"a": {"dtype": "F32", "shape": [1]}}, bytes(4)), Unparsable),
        (safetensors({"a": None}), Unparsable),
        (safetensors({"a": tensor(dtype="F8_E4M3")}, bytes(4)), InvalidTensor),
        (safetensors({"a": tensor(shape=(-1,))}, bytes(4)), InvalidTensor),
        (safetensors({"a": tensor(shape=(2**40, 2**40))}, bytes(4)), InvalidTensor),
        (safetensors({"a": tensor(0, 0, shape=(0, 2**63))}), InvalidTensor),
        (safetensors({"a": tensor(shape=(1,) * 9)}, bytes(4)), InvalidTensor),
        (safetensors({"a": tensor(0, 1, "BOOL")}, b"\x02"), InvalidTensor),
        (safetensors({f"{n}": tensor(0, 0, "I8", (0,)) for n in range(4097)}), TooLarge),
    ],
)
def test_hostile_safetensors_files_are_rejected(data, error):
    """Every rule of the format, and the service's own limits."""
    with pytest.raises(error):
        read_safetensors(data)


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (read_npy, GOOD_NPY),
        (lambda data: read_npz(data, LIMIT), GOOD_NPZ),
        (read_safetensors, GOOD_SAFETENSORS),
    ],
    ids=["npy", "npz", "safetensors"],
)
def test_truncated_files_are_unparsable(read, data):
    """For every proper prefix."""
    read(data)
    for length in range(len(data)):
        with pytest.raises(Unparsable):
            read(data[:length])


def mutations(data, count):
    """Yield copies with one to four bytes changed, deterministically."""
    chance = random.Random(0)  # noqa: S311 - not for secrets
    for _ in range(count):
        copy = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            copy[chance.randrange(len(copy))] = chance.randrange(256)
        yield bytes(copy)


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (read_npy, GOOD_NPY),
        (lambda data: read_npz(data, LIMIT), GOOD_NPZ),
        (read_safetensors, GOOD_SAFETENSORS),
    ],
    ids=["npy", "npz", "safetensors"],
)
def test_mutated_tensor_files_are_read_or_rejected(read, data):
    """5,000 mutations; any other exception would be a 500."""
    outcomes = set()
    for mutated in mutations(data, 5_000):
        try:
            read(mutated)
            outcomes.add("read")
        except LayerscopeError as error:
            outcomes.add(type(error))
    assert Unparsable in outcomes


def gif(width, height):
    """Build a GIF of 35 bytes that declares any size."""
    screen = struct.pack("<HH", width, height)
    image = b",\0\0\0\0" + screen + b"\0\x02\x02\x4c\x01\0;"
    return b"GIF89a" + screen + b"\x80\0\0" + b"\0\0\0\xff\xff\xff" + image


def webp(width, height):
    """Build a lossless WebP that consists of its header."""
    body = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(9)
    chunk = b"VP8L" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def png(width, height):
    """Build a PNG that declares any size before a little data."""
    good = bytearray(picture("PNG"))
    good[16:24] = struct.pack(">II", width, height)
    good[29:33] = struct.pack(">I", zipfile.crc32(bytes(good[12:29])))
    return bytes(good)


@pytest.mark.parametrize(
    "data",
    [
        gif(65_535, 65_535),
        gif(1000, 101),
        webp(16_383, 16_383),
        webp(1000, 101),
        png(2**31 - 1, 1),
        png(60_000, 60_000),
    ],
)
def test_decompression_bombs_are_rejected_by_their_header(data):
    """A few bytes declare more pixels than the limit."""
    with pytest.raises(TooLarge) as caught:
        decode_image(data)
    assert caught.value.problems[0].expected == f"at most {LIMIT} pixels"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        GOOD_NPZ,
        pickle.dumps(1),
    ],
)
def test_other_formats_are_not_images(data):
    """Including those whose decoders start other programs."""
    with pytest.raises(InvalidImage):
        decode_image(data)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_damaged_images_are_decoded_or_rejected(format):
    """Truncated at 40 positions and mutated in 300 ways."""
    good = picture(format)
    cut = [good[: len(good) * n // 40] for n in range(40)]
    refused = 0
    for data in [*cut, *mutations(good, 300)]:
        try:
            array, _ = decode_image(data)
            assert array.shape == (8, 8, 3)
        except (InvalidImage, TooLarge):
            refused += 1
    assert refused >= 10


def test_truncated_images_are_rejected():
    """Pillow can be configured to fill the rest with gray."""
    for format in ("PNG", "JPEG", "WEBP", "BMP"):
        good = picture(format)
        with pytest.raises(InvalidImage, match="damaged or cut short"):
            decode_image(good[: len(good) * 3 // 4])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(["NaN", "AAAA"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["shape", "dtype", "data", "base64", "x"]), inner, max_size=4)
    ),
)


@settings(max_examples=500, derandomize=True, database=None)
@given(JSON, st.sampled_from([None, "float32", "int8", "bool", "bfloat16", "uint64"]))
def test_arbitrary_json_is_a_tensor_or_rejected(raw, dtype):
    """Every error has a pointer to the input."""
    try:
        array = parse_tensor(raw, "/inputs", dtype)
    except InvalidTensor as error:
        pointers = {problem.pointer[:7] for problem in error.problems}
    else:
        pointers = {"/inputs"}
        assert array.flags.c_contiguous
        assert array.ndim <= 8
    assert pointers == {"/inputs"}


def test_pillows_own_limit_is_reported_as_too_large():
    """If the configured one is higher: 268 million pixels in 34 bytes."""
    with pytest.raises(TooLarge, match="picture is too large"):
        read_image(webp(16_383, 16_383), None, resize="none", scale="none", max_pixels=10**12)


def test_zip64_and_long_directories_are_rejected():
    """By the end record, before the directory is read."""
    locator = b"PK\x06\x07" + bytes(16)
    with pytest.raises(Unparsable, match="ZIP64"):
        read_npz(GOOD_NPZ[:-22] + locator + GOOD_NPZ[-22:], LIMIT)
    end = bytearray(GOOD_NPZ[-22:])
    end[12:16] = (2**20 + 1).to_bytes(4, "little")
    with pytest.raises(TooLarge):
        read_npz(bytes(2**20) + bytes(end), LIMIT)

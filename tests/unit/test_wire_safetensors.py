import ml_dtypes
import numpy as np
import pytest
from safetensors import deserialize
from safetensors.numpy import load

from models.errors import Unacceptable
from models.ipc.messages import TensorInfo
from models.tensors import DTYPES, read_safetensors
from service.wire.safetensors import SafetensorsStream
from service.wire.stream import encode_whole


def info_of(name, array):
    """The array's description."""
    return TensorInfo(name, array.dtype.name, array.shape, array.nbytes)


def encoded(arrays, metadata=None):
    """The body, once its announced length was checked."""
    stream = SafetensorsStream([info_of(name, array) for name, array in arrays.items()], metadata)
    body = encode_whole(stream, [array.tobytes() for array in arrays.values()])
    assert len(body) == stream.length
    return body


def test_the_bytes_are_those_of_the_format():
    """Length, header padded to 8 with spaces, data."""
    body = encoded({"conv2d": np.float32([1]), "weights/conv2d/bias": np.uint8([2, 3])}, {"model": "m"})
    header = (
        b'{"__metadata__":{"model":"m"},"conv2d":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        b'"weights/conv2d/bias":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}'
    )
    padded = header + b" " * (-len(header) % 8)
    assert body == len(padded).to_bytes(8, "little") + padded + b"\0\0\x80\x3f" + b"\x02\x03"


def test_the_reference_implementation_reads_every_dtype():
    """Its strict parser, and its NumPy loader where NumPy has the dtype."""
    arrays = {name: np.array([[0, 1, 1]], dtype) for name, dtype in DTYPES.items()}
    read = dict(deserialize(encoded(arrays)))
    assert {name: bytes(tensor["data"]) for name, tensor in read.items()} == {
        name: array.tobytes() for name, array in arrays.items()
    }
    assert read["bfloat16"]["dtype"] == "BF16"
    del arrays["bfloat16"]
    loaded = load(encoded(arrays))
    assert {name: (array.dtype, array.tolist()) for name, array in loaded.items()} == {
        name: (array.dtype, array.tolist()) for name, array in arrays.items()
    }


def test_ours_reads_what_ours_writes():
    """bfloat16, no axes, no elements, names beyond ASCII."""
    arrays = {
        "a": np.array([1.5, np.nan], ml_dtypes.bfloat16),
        "block/b:pre": np.float32(3).reshape(()),
        "leer/ü": np.zeros((2, 0, 3), np.int64),
        "c@1": np.array([np.inf, -0.0]),
    }
    read = read_safetensors(encoded(arrays))
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        assert (read[name].dtype, read[name].shape, read[name].tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_no_tensors_are_a_file_too():
    """Only the header."""
    assert encoded({}) == b"\x08\0\0\0\0\0\0\0{}      "


def test_tensors_are_passed_on_without_a_copy():
    """The piece is the sender's own memory."""
    array = np.zeros(4, np.float32)
    (piece,) = SafetensorsStream([info_of("a", array)]).member(0, memoryview(array))
    array[0] = 1
    assert bytes(piece) == array.tobytes()


def test_data_of_another_length_than_announced_is_a_defect():
    """It would shift everything after it."""
    with pytest.raises(ValueError, match="16 were announced"):
        SafetensorsStream([TensorInfo("a", "float32", (4,), 16)]).member(0, b"123")


def test_two_tensors_of_one_name_are_a_defect():
    """One would hide the other."""
    with pytest.raises(ValueError, match="same name"):
        SafetensorsStream([TensorInfo("a", "int8", (1,), 1)] * 2)


def test_the_formats_own_name_is_not_for_tensors():
    """A Keras layer may be called `__metadata__`; another format can carry it."""
    with pytest.raises(Unacceptable) as caught:
        SafetensorsStream([TensorInfo("__metadata__", "int8", (1,), 1)])
    assert caught.value.problems[0].suggestion == "ask for npz"

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
    """Describe an array."""
    return TensorInfo(name, array.dtype.name, array.shape, array.nbytes)


def encode(arrays, metadata=None):
    """Encode the body and check its announced length."""
    stream = SafetensorsStream([info_of(name, array) for name, array in arrays.items()], metadata)
    body = encode_whole(stream, [array.tobytes() for array in arrays.values()])
    assert len(body) == stream.length
    return body


def test_the_bytes_follow_the_format():
    """Length, header padded to 8 with spaces, data."""
    body = encode({"conv2d": np.float32([1]), "weights/conv2d/bias": np.uint8([2, 3])}, {"model": "m"})
    header = (
        b'{"__metadata__":{"model":"m"},"conv2d":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        b'"weights/conv2d/bias":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}'
    )
    padded = header + b" " * (-len(header) % 8)
    assert body == len(padded).to_bytes(8, "little") + padded + b"\0\0\x80\x3f" + b"\x02\x03"


def test_the_reference_implementation_reads_every_dtype():
    """With its strict parser, and with its NumPy loader where NumPy has the dtype."""
    arrays = {name: np.array([[0, 1, 1]], dtype) for name, dtype in DTYPES.items()}
    read = dict(deserialize(encode(arrays)))
    assert {name: bytes(tensor["data"]) for name, tensor in read.items()} == {
        name: array.tobytes() for name, array in arrays.items()
    }
    assert read["bfloat16"]["dtype"] == "BF16"
    del arrays["bfloat16"]
    loaded = load(encode(arrays))
    assert {name: (array.dtype, array.tolist()) for name, array in loaded.items()} == {
        name: (array.dtype, array.tolist()) for name, array in arrays.items()
    }


def test_the_own_reader_accepts_the_file():
    """bfloat16, no axes, no elements, names beyond ASCII."""
    arrays = {
        "a": np.array([1.5, np.nan], ml_dtypes.bfloat16),
        "block/b:pre": np.float32(3).reshape(()),
        "leer/ü": np.zeros((2, 0, 3), np.int64),
        "c@1": np.array([np.inf, -0.0]),
    }
    read = read_safetensors(encode(arrays))
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        assert (read[name].dtype, read[name].shape, read[name].tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_a_file_may_have_no_tensors():
    """It is only the header."""
    assert encode({}) == b"\x08\0\0\0\0\0\0\0{}      "


def test_tensors_are_not_copied():
    """The chunk is the sender's own memory."""
    array = np.zeros(4, np.float32)
    (piece,) = SafetensorsStream([info_of("a", array)]).member(0, memoryview(array))
    array[0] = 1
    assert bytes(piece) == array.tobytes()


def test_data_of_a_wrong_length_is_an_error():
    """It would shift the following tensors."""
    with pytest.raises(ValueError, match="16 were announced"):
        SafetensorsStream([TensorInfo("a", "float32", (4,), 16)]).member(0, b"123")


def test_duplicate_names_are_an_error():
    """One would hide the other."""
    with pytest.raises(ValueError, match="same name"):
        SafetensorsStream([TensorInfo("a", "int8", (1,), 1)] * 2)


def test_the_metadata_name_is_reserved():
    """A Keras layer may be called `__metadata__`; other formats support it."""
    with pytest.raises(Unacceptable) as caught:
        SafetensorsStream([TensorInfo("__metadata__", "int8", (1,), 1)])
    assert caught.value.problems[0].suggestion == "ask for npz"

"""Triton's unmodified clients against the service: every method, with every encoding of requests."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import pytest_asyncio
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from PIL import Image
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from models.tensors.dtypes import DTYPES

if TYPE_CHECKING:
    from tests.api.conftest import Reply
    from tests.conftest import Server

MODEL = {
    "input": [28, 28, 1],
    "layers": [
        {"type": "Conv2D", "filters": 3, "kernel_size": 3, "activation": "relu"},
        {"type": "Block", "name": "block", "layers": [{"type": "DepthwiseConv2D", "name": "conv", "kernel_size": 3}]},
        {"type": "Flatten"},
        {"type": "Dense", "units": 10, "activation": "softmax"},
    ],
}  # fmt: skip
ADDRESSES = ["conv2d", "conv2d:pre", "block/conv", "dense"]
RNG = np.random.default_rng(0)
IMAGES = RNG.random((2, 28, 28, 1), np.float32)
COMPRESSIONS = [None, "gzip", "deflate"]


def tensor(name: str, array: np.ndarray[Any, Any], binary: bool = True) -> triton.InferInput:
    """Build an input with Triton's client."""
    made = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    return made.set_data_from_numpy(array, binary_data=binary)


def requested_outputs(*names: str, **options: Any) -> list[triton.InferRequestedOutput]:
    """Build requested outputs with Triton's client."""
    return [triton.InferRequestedOutput(name, **options) for name in names]


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[triton.InferenceServerClient]:
    """A client of a service with MODEL registered as `digits-v2`."""
    server.client.put("/v1/models/digits-v2", json=MODEL).raise_for_status()
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as made:
        yield made


@pytest_asyncio.fixture
async def aio(client: triton.InferenceServerClient, server: Server) -> AsyncIterator[triton_aio.InferenceServerClient]:
    """The asynchronous client."""
    async with triton_aio.InferenceServerClient(server.url.removeprefix("http://")) as made:
        yield made


@pytest.fixture(scope="module")
def expected(run: Callable[..., Reply]) -> Callable[[str], np.ndarray[Any, Any]]:
    """A layer of MODEL for IMAGES, as returned by `/v1`."""
    reply = run(MODEL, IMAGES, layers=ADDRESSES)
    return reply.array


def register(server: Server, name: str, model: Any) -> str:
    """Register a model and return its name."""
    server.client.put(f"/v1/models/{name}", json=model).raise_for_status()
    return name


def jpeg_of(png: bytes) -> bytes:
    """Convert an image file to JPEG."""
    file = io.BytesIO()
    Image.open(io.BytesIO(png)).save(file, "JPEG")
    return file.getvalue()


def is_identical(received: np.ndarray[Any, Any] | None, expected: np.ndarray[Any, Any]) -> bool:
    """Whether two arrays are equal in dtype, shape and bits."""
    return received is not None and received.dtype == expected.dtype and received.shape == expected.shape \
        and received.tobytes() == expected.tobytes()  # fmt: skip


def test_health_metadata_and_configuration(client: triton.InferenceServerClient, server: Server) -> None:
    """With and without a version; by name and by id."""
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("digits-v2")
    assert client.is_model_ready("digits-v2", "1")
    assert not client.is_model_ready("digits-v2", "2")
    assert not client.is_model_ready("nobody")
    extensions = client.get_server_metadata()["extensions"]
    assert set(extensions) >= {"binary_tensor_data", "classification", "model_repository", "statistics"}
    described = client.get_model_metadata("digits-v2")
    assert described == {
        "name": "digits-v2", "versions": ["1"], "platform": "keras_layerscope",
        "inputs": [{"name": "input", "datatype": "FP32", "shape": [-1, 28, 28, 1]}],
        "outputs": [{"name": "dense", "datatype": "FP32", "shape": [-1, 10]}],
    }  # fmt: skip
    id_ = server.client.get("/v1/models/digits-v2").json()["id"]
    assert client.get_model_metadata(id_, "1") == {**described, "name": id_}
    configuration = client.get_model_config("digits-v2", "1")
    assert configuration["input"] == [{"name": "input", "data_type": "TYPE_FP32", "dims": [28, 28, 1]}]
    assert configuration["output"] == [{"name": "dense", "data_type": "TYPE_FP32", "dims": [10]}]
    assert configuration["max_batch_size"] == 256 * 1024**2 // (28 * 28 * 4)


def test_metadata_of_several_inputs(client: triton.InferenceServerClient, server: Server) -> None:
    """Free dimensions are -1; undeclared inputs are not described further."""
    model = {"input": {"ids": {"shape": [None], "dtype": "int32"}, "x": [4]},
             "layers": [{"type": "Embedding", "input_dim": 9, "output_dim": 4, "inputs": ["ids"]},
                        {"type": "Dense", "units": 2, "inputs": ["x"]}], "outputs": ["embedding", "dense"]}  # fmt: skip
    name = register(server, "several", model)
    described = client.get_model_metadata(name)
    assert described["inputs"] == [{"name": "ids", "datatype": "INT32", "shape": [-1, -1]},
                                   {"name": "x", "datatype": "FP32", "shape": [-1, 4]}]  # fmt: skip
    assert [one["shape"] for one in described["outputs"]] == [[-1, -1, 4], [-1, 2]]
    ids, x = np.int64([[1, 2, 8]]), np.ones((1, 4), np.float64)
    reply = client.infer(name, [tensor("x", x), tensor("ids", ids, binary=False)])
    assert reply.as_numpy("embedding").shape == (1, 3, 4)
    assert reply.as_numpy("dense").shape == (1, 2)
    undeclared = register(server, "undeclared", [{"type": "Dense", "units": 2}])
    assert client.get_model_metadata(undeclared)["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1]}]
    assert client.infer(undeclared, [tensor("input", np.ones((3, 4), np.float32))]).as_numpy("dense").shape == (3, 2)


def test_outputs_of_every_kind(client: triton.InferenceServerClient, run: Callable[..., Reply], server: Server) -> None:
    """Calls of a shared layer, one of several outputs, a block's result and an input, under the requested names."""
    model = {
        "input": {"left": [3, 2], "right": [3, 2]},
        "layers": [{"type": "LSTM", "units": 2, "return_state": True, "name": "lstm", "calls": [["left"], ["right"]]},
                   {"type": "Block", "name": "block", "inputs": ["lstm@0#0"],
                    "layers": [{"type": "Dense", "units": 2}]}],
        "outputs": ["lstm@1#2", "block", "left"],
    }  # fmt: skip
    name = register(server, "shared", model)
    arrays = {side: RNG.random((1, 3, 2), np.float32) for side in ("left", "right")}
    inputs = [tensor(side, array) for side, array in arrays.items()]
    addresses = ["lstm@1#2", "block", "left", "lstm@0#0", "block/dense"]
    expected = run(model, arrays, layers=addresses, weights=False)
    reply = client.infer(name, inputs, outputs=requested_outputs(*addresses))
    assert [one["name"] for one in reply.get_response()["outputs"]] == addresses
    assert all(is_identical(reply.as_numpy(address), expected.array(address)) for address in addresses)
    own = client.infer(name, inputs).get_response()["outputs"]
    described = client.get_model_metadata(name)["outputs"]
    assert [one["name"] for one in own] == [one["name"] for one in described] == model["outputs"]
    assert [[1, *one["shape"][1:]] for one in described] == [one["shape"] for one in own]


@pytest.mark.parametrize("response", COMPRESSIONS)
@pytest.mark.parametrize("request_", COMPRESSIONS)
@pytest.mark.parametrize("binary", [True, False])
async def test_inference_in_every_encoding(  # noqa: PLR0913, PLR0917 (every combination)
    client: triton.InferenceServerClient, aio: triton_aio.InferenceServerClient,
    expected: Callable[[str], np.ndarray[Any, Any]], binary: bool, request_: str | None, response: str | None,
) -> None:  # fmt: skip
    """Binary and JSON tensors, compressed in both directions, equal the bits of `/v1` for both clients."""
    options = {"request_compression_algorithm": request_, "response_compression_algorithm": response}
    inputs = [tensor("input", IMAGES, binary)]
    outputs = [
        *requested_outputs("conv2d", "dense", binary_data=binary),
        *requested_outputs("block/conv", binary_data=not binary),
    ]
    for reply in (client.infer("digits-v2", inputs, outputs=outputs, request_id="7", **options),
                  await aio.infer("digits-v2", inputs, outputs=outputs, request_id="7", **options)):  # fmt: skip
        assert [one["name"] for one in reply.get_response()["outputs"]] == ["conv2d", "dense", "block/conv"]
        assert all(is_identical(reply.as_numpy(name), expected(name)) for name in ("conv2d", "dense", "block/conv"))
        assert reply.get_response()["id"] == "7"


@pytest.mark.parametrize("binary", [True, False])
def test_default_outputs_are_those_of_the_model(
    client: triton.InferenceServerClient, expected: Callable[[str], np.ndarray[Any, Any]], binary: bool
) -> None:
    """In binary, whatever the inputs are; also asynchronously and with a version."""
    inputs = [tensor("input", IMAGES, binary)]
    later = client.async_infer("digits-v2", inputs, model_version="1").get_result()  # uses its only connection
    for reply in (client.infer("digits-v2", inputs), later):
        (output,) = reply.get_response()["outputs"]
        assert output["parameters"] == {"binary_data_size": 80}
        assert is_identical(reply.as_numpy("dense"), expected("dense"))
        assert reply.get_response()["model_version"] == "1"


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_datatype_round_trips(client: triton.InferenceServerClient, server: Server, dtype: str) -> None:
    """Including extremes, the bits of NaN, and -0."""
    name = register(server, f"of-{dtype}", {"input": {"shape": [3], "dtype": dtype}, "layers": [{"type": "Flatten"}]})
    array = np.array([[0, 1, 1]], DTYPES[dtype])
    if "float" in dtype:
        array[0, :2] = -0.0, np.nan
    elif dtype != "bool":
        array[0, :2] = np.iinfo(dtype).min, np.iinfo(dtype).max
    assert is_identical(
        client.infer(name, [tensor("input", array)], outputs=requested_outputs("input")).as_numpy("input"), array
    )
    assert client.get_model_metadata(name)["inputs"][0]["datatype"] == np_to_triton_dtype(DTYPES[dtype])
    if dtype == "bfloat16":
        with pytest.raises(InferenceServerException, match=r"\[400\].*BF16, which has no form in JSON"):
            client.infer(name, [tensor("input", array)], outputs=requested_outputs("input", binary_data=False))
    else:
        reply = client.infer(
            name, [tensor("input", array, False)], outputs=requested_outputs("input", binary_data=False)
        )
        assert is_identical(reply.as_numpy("input"), array)


def test_nan_payloads_are_preserved(client: triton.InferenceServerClient, server: Server) -> None:
    """In binary tensors."""
    array = np.uint32([[0x7FC0_1234, 0xFFC0_0001, 0x7F80_0000]]).view(np.float32)
    name = register(server, "of-float32", {"input": [3], "layers": [{"type": "Flatten"}]})
    assert is_identical(client.infer(name, [tensor("input", array)]).as_numpy("flatten"), array)


def test_views_and_training_mode_as_parameters(
    client: triton.InferenceServerClient, expected: Callable[[str], np.ndarray[Any, Any]]
) -> None:
    """Of the request, also by selector, or of one output; a view of several tensors gives several outputs."""
    inputs, maps = [tensor("input", IMAGES)], expected("conv2d:pre")
    parameters = {"reduce": '{"conv2d:pre": "max@h,w"}', "top": '{"dense": 2}', "training": True}
    reply = client.infer("digits-v2", inputs, outputs=requested_outputs("conv2d:pre", "dense"), parameters=parameters)
    assert is_identical(reply.as_numpy("conv2d:pre"), maps.max((1, 2)))
    order = np.argsort(-expected("dense"), axis=1, kind="stable")[:, :2]
    assert is_identical(reply.as_numpy("dense:indices"), order)
    assert is_identical(reply.as_numpy("dense:values"), np.take_along_axis(expected("dense"), order, 1))
    (own,) = requested_outputs("conv2d:pre", binary_data=False)
    own._parameters |= {"slice": "1, :, 0", "histogram": "4,-1,1"}
    reply = client.infer("digits-v2", inputs, outputs=[own], parameters={"histogram": 9})
    assert reply.as_numpy("conv2d:pre:counts").tolist() == np.histogram(maps[1, :, 0], 4, (-1, 1))[0].tolist()
    reply = client.infer("digits-v2", inputs, outputs=requested_outputs("conv2d#0"), parameters={"dtype": "float16"})
    assert is_identical(reply.as_numpy("conv2d#0"), expected("conv2d").astype(np.float16))


@pytest.mark.parametrize("binary", [True, False])
def test_classification_returns_the_top_k(
    client: triton.InferenceServerClient, expected: Callable[[str], np.ndarray[Any, Any]], binary: bool
) -> None:
    """The k largest scores of each example, or all of them if k is larger."""
    for k in (3, 99):
        outputs = requested_outputs("dense", class_count=k, binary_data=binary)
        classes = client.infer("digits-v2", [tensor("input", IMAGES)], outputs=outputs).as_numpy("dense")
        assert classes.shape == (2, min(k, 10))
        words = [[word.decode() if binary else word for word in row] for row in classes]
        scores = expected("dense")
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        assert [[int(word.split(":")[1]) for word in row] for row in words] == order.tolist()
        values = np.array([[np.float32(word.split(":")[0]) for word in row] for row in words])
        assert is_identical(values, np.take_along_axis(scores, order, 1))


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_images_are_accepted_as_bytes_tensors(
    client: triton.InferenceServerClient, server: Server, digit_png: bytes, shape: tuple[int, ...]
) -> None:
    """PNG and JPEG files give the input of `/v1` at the document's scale; base64 in JSON."""
    name = register(server, "scaled", {**MODEL, "scale": "unit"})
    pictures = [digit_png, jpeg_of(digit_png)]
    reply = server.post(f"/v1/models/{name}/activations", files=[("image", picture) for picture in pictures],
                        data={"layers": "input", "data": "nested"})  # fmt: skip
    expected = np.array(reply.json()["layers"][0]["data"], np.float32)
    assert expected.max() == 1.0
    files = np.array(pictures, object).reshape(shape)
    assert is_identical(
        client.infer(name, [tensor("input", files)], outputs=requested_outputs("input")).as_numpy("input"), expected
    )
    encoded = np.array([base64.b64encode(picture) for picture in pictures], object).reshape(shape)
    reply_ = client.infer(name, [tensor("input", encoded, binary=False)], outputs=requested_outputs("input"))
    assert is_identical(reply_.as_numpy("input"), expected)

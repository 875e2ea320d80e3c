"""Triton's own clients, as they are, against the service: every method, in every form their requests have."""

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
    """An input as the client makes it."""
    made = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    return made.set_data_from_numpy(array, binary_data=binary)


def wanted(*names: str, **options: Any) -> list[triton.InferRequestedOutput]:
    """Outputs as the client asks for them."""
    return [triton.InferRequestedOutput(name, **options) for name in names]


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[triton.InferenceServerClient]:
    """A client of a service on which MODEL is registered as `digits`."""
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
    """A layer of MODEL on IMAGES, as `/v1` answers."""
    reply = run(MODEL, IMAGES, layers=ADDRESSES)
    return reply.array


def registered(server: Server, name: str, model: Any) -> str:
    """Registers a model."""
    server.client.put(f"/v1/models/{name}", json=model).raise_for_status()
    return name


def jpeg_of(png: bytes) -> bytes:
    """The same picture as another format has it."""
    file = io.BytesIO()
    Image.open(io.BytesIO(png)).save(file, "JPEG")
    return file.getvalue()


def same(received: np.ndarray[Any, Any] | None, expected: np.ndarray[Any, Any]) -> bool:
    """Bit for bit, in dtype and shape too."""
    return received is not None and received.dtype == expected.dtype and received.shape == expected.shape \
        and received.tobytes() == expected.tobytes()  # fmt: skip


def test_health_and_descriptions(client: triton.InferenceServerClient, server: Server) -> None:
    """Live, ready, metadata and configuration, with and without a version; by name and by id."""
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


def test_the_shapes_of_several_inputs(client: triton.InferenceServerClient, server: Server) -> None:
    """Free dimensions are -1; inputs that nobody declared have no more to say."""
    model = {"input": {"ids": {"shape": [None], "dtype": "int32"}, "x": [4]},
             "layers": [{"type": "Embedding", "input_dim": 9, "output_dim": 4, "inputs": ["ids"]},
                        {"type": "Dense", "units": 2, "inputs": ["x"]}], "outputs": ["embedding", "dense"]}  # fmt: skip
    name = registered(server, "several", model)
    described = client.get_model_metadata(name)
    assert described["inputs"] == [{"name": "ids", "datatype": "INT32", "shape": [-1, -1]},
                                   {"name": "x", "datatype": "FP32", "shape": [-1, 4]}]  # fmt: skip
    assert [one["shape"] for one in described["outputs"]] == [[-1, -1, 4], [-1, 2]]
    ids, x = np.int64([[1, 2, 8]]), np.ones((1, 4), np.float64)
    reply = client.infer(name, [tensor("x", x), tensor("ids", ids, binary=False)])
    assert reply.as_numpy("embedding").shape == (1, 3, 4)
    assert reply.as_numpy("dense").shape == (1, 2)
    undeclared = registered(server, "undeclared", [{"type": "Dense", "units": 2}])
    assert client.get_model_metadata(undeclared)["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1]}]
    assert client.infer(undeclared, [tensor("input", np.ones((3, 4), np.float32))]).as_numpy("dense").shape == (3, 2)


def test_outputs_of_every_kind(client: triton.InferenceServerClient, run: Callable[..., Reply], server: Server) -> None:
    """Calls of a shared layer, one of several outputs, a block's result, an input; named as they were asked for."""
    model = {
        "input": {"left": [3, 2], "right": [3, 2]},
        "layers": [{"type": "LSTM", "units": 2, "return_state": True, "name": "lstm", "calls": [["left"], ["right"]]},
                   {"type": "Block", "name": "block", "inputs": ["lstm@0#0"],
                    "layers": [{"type": "Dense", "units": 2}]}],
        "outputs": ["lstm@1#2", "block", "left"],
    }  # fmt: skip
    name = registered(server, "shared", model)
    arrays = {side: RNG.random((1, 3, 2), np.float32) for side in ("left", "right")}
    inputs = [tensor(side, array) for side, array in arrays.items()]
    addresses = ["lstm@1#2", "block", "left", "lstm@0#0", "block/dense"]
    expected = run(model, arrays, layers=addresses, weights=False)
    reply = client.infer(name, inputs, outputs=wanted(*addresses))
    assert [one["name"] for one in reply.get_response()["outputs"]] == addresses
    assert all(same(reply.as_numpy(address), expected.array(address)) for address in addresses)
    own = client.infer(name, inputs).get_response()["outputs"]
    described = client.get_model_metadata(name)["outputs"]
    assert [one["name"] for one in own] == [one["name"] for one in described] == model["outputs"]
    assert [[1, *one["shape"][1:]] for one in described] == [one["shape"] for one in own]


@pytest.mark.parametrize("response", COMPRESSIONS)
@pytest.mark.parametrize("request_", COMPRESSIONS)
@pytest.mark.parametrize("binary", [True, False])
async def test_every_form_of_an_inference(  # noqa: PLR0913, PLR0917 (every combination)
    client: triton.InferenceServerClient, aio: triton_aio.InferenceServerClient,
    expected: Callable[[str], np.ndarray[Any, Any]], binary: bool, request_: str | None, response: str | None,
) -> None:  # fmt: skip
    """Bytes and JSON, compressed both ways: the bits of `/v1`, from both clients."""
    options = {"request_compression_algorithm": request_, "response_compression_algorithm": response}
    inputs = [tensor("input", IMAGES, binary)]
    outputs = [*wanted("conv2d", "dense", binary_data=binary), *wanted("block/conv", binary_data=not binary)]
    for reply in (client.infer("digits-v2", inputs, outputs=outputs, request_id="7", **options),
                  await aio.infer("digits-v2", inputs, outputs=outputs, request_id="7", **options)):  # fmt: skip
        assert [one["name"] for one in reply.get_response()["outputs"]] == ["conv2d", "dense", "block/conv"]
        assert all(same(reply.as_numpy(name), expected(name)) for name in ("conv2d", "dense", "block/conv"))
        assert reply.get_response()["id"] == "7"


@pytest.mark.parametrize("binary", [True, False])
def test_no_outputs_are_the_models_own(
    client: triton.InferenceServerClient, expected: Callable[[str], np.ndarray[Any, Any]], binary: bool
) -> None:
    """As bytes, which the client asks for, whatever the inputs are; also asynchronously and under the version."""
    inputs = [tensor("input", IMAGES, binary)]
    later = client.async_infer("digits-v2", inputs, model_version="1").get_result()  # holds the client's one connection
    for reply in (client.infer("digits-v2", inputs), later):
        (output,) = reply.get_response()["outputs"]
        assert output["parameters"] == {"binary_data_size": 80}
        assert same(reply.as_numpy("dense"), expected("dense"))
        assert reply.get_response()["model_version"] == "1"


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_datatype(client: triton.InferenceServerClient, server: Server, dtype: str) -> None:
    """There and back: extremes, NaN with its bits, -0."""
    name = registered(server, f"of-{dtype}", {"input": {"shape": [3], "dtype": dtype}, "layers": [{"type": "Flatten"}]})
    array = np.array([[0, 1, 1]], DTYPES[dtype])
    if "float" in dtype:
        array[0, :2] = -0.0, np.nan
    elif dtype != "bool":
        array[0, :2] = np.iinfo(dtype).min, np.iinfo(dtype).max
    assert same(client.infer(name, [tensor("input", array)], outputs=wanted("input")).as_numpy("input"), array)
    assert client.get_model_metadata(name)["inputs"][0]["datatype"] == np_to_triton_dtype(DTYPES[dtype])
    if dtype == "bfloat16":
        with pytest.raises(InferenceServerException, match=r"\[400\].*BF16, which has no form in JSON"):
            client.infer(name, [tensor("input", array)], outputs=wanted("input", binary_data=False))
    else:
        reply = client.infer(name, [tensor("input", array, False)], outputs=wanted("input", binary_data=False))
        assert same(reply.as_numpy("input"), array)


def test_bits_of_nan(client: triton.InferenceServerClient, server: Server) -> None:
    """As bytes, any of the NaNs comes back."""
    array = np.uint32([[0x7FC0_1234, 0xFFC0_0001, 0x7F80_0000]]).view(np.float32)
    name = registered(server, "of-float32", {"input": [3], "layers": [{"type": "Flatten"}]})
    assert same(client.infer(name, [tensor("input", array)]).as_numpy("flatten"), array)


def test_views_and_training(
    client: triton.InferenceServerClient, expected: Callable[[str], np.ndarray[Any, Any]]
) -> None:
    """Of the request, also by selector, which a client can give, or of one output. Several tensors, several outputs."""
    inputs, maps = [tensor("input", IMAGES)], expected("conv2d:pre")
    parameters = {"reduce": '{"conv2d:pre": "max@h,w"}', "top": '{"dense": 2}', "training": True}
    reply = client.infer("digits-v2", inputs, outputs=wanted("conv2d:pre", "dense"), parameters=parameters)
    assert same(reply.as_numpy("conv2d:pre"), maps.max((1, 2)))
    order = np.argsort(-expected("dense"), axis=1, kind="stable")[:, :2]
    assert same(reply.as_numpy("dense:indices"), order)
    assert same(reply.as_numpy("dense:values"), np.take_along_axis(expected("dense"), order, 1))
    (own,) = wanted("conv2d:pre", binary_data=False)
    own._parameters |= {"slice": "1, :, 0", "histogram": "4,-1,1"}
    reply = client.infer("digits-v2", inputs, outputs=[own], parameters={"histogram": 9})
    assert reply.as_numpy("conv2d:pre:counts").tolist() == np.histogram(maps[1, :, 0], 4, (-1, 1))[0].tolist()
    reply = client.infer("digits-v2", inputs, outputs=wanted("conv2d#0"), parameters={"dtype": "float16"})
    assert same(reply.as_numpy("conv2d#0"), expected("conv2d").astype(np.float16))


@pytest.mark.parametrize("binary", [True, False])
def test_classification(
    client: triton.InferenceServerClient, expected: Callable[[str], np.ndarray[Any, Any]], binary: bool
) -> None:
    """The k largest, or all there are, of each item of the batch."""
    for k in (3, 99):
        outputs = wanted("dense", class_count=k, binary_data=binary)
        classes = client.infer("digits-v2", [tensor("input", IMAGES)], outputs=outputs).as_numpy("dense")
        assert classes.shape == (2, min(k, 10))
        words = [[word.decode() if binary else word for word in row] for row in classes]
        scores = expected("dense")
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        assert [[int(word.split(":")[1]) for word in row] for row in words] == order.tolist()
        values = np.array([[np.float32(word.split(":")[0]) for word in row] for row in words])
        assert same(values, np.take_along_axis(scores, order, 1))


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_images_as_files(
    client: triton.InferenceServerClient, server: Server, digit_png: bytes, shape: tuple[int, ...]
) -> None:
    """A PNG and a JPEG: what `/v1` makes of the same files, in the document's scale; base64 in JSON."""
    name = registered(server, "scaled", {**MODEL, "scale": "unit"})
    pictures = [digit_png, jpeg_of(digit_png)]
    reply = server.post(f"/v1/models/{name}/activations", files=[("image", picture) for picture in pictures],
                        data={"layers": "input", "data": "nested"})  # fmt: skip
    expected = np.array(reply.json()["layers"][0]["data"], np.float32)
    assert expected.max() == 1.0
    files = np.array(pictures, object).reshape(shape)
    assert same(client.infer(name, [tensor("input", files)], outputs=wanted("input")).as_numpy("input"), expected)
    encoded = np.array([base64.b64encode(picture) for picture in pictures], object).reshape(shape)
    reply_ = client.infer(name, [tensor("input", encoded, binary=False)], outputs=wanted("input"))
    assert same(reply_.as_numpy("input"), expected)

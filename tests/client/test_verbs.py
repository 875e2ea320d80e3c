"""Every verb of the Python client, waiting and awaited, against the real service."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import httpx2
import keras
import numpy as np
import pytest
from layerscope_client import AsyncLayerscope, AsyncModel, Layerscope, Model, errors
from layerscope_client.replies import Record, Report, RunReport

from tests.client.conftest import DIGIT, DOCUMENT, Array

if TYPE_CHECKING:
    from tests.conftest import Server

BATCH = np.random.default_rng(1).integers(0, 256, (40, 28, 28, 1), np.uint8)
VERBS: dict[str, tuple[Any, ...]] = {
    "activations": (DIGIT, ["conv", "head:pre"]),
    "explain": (DIGIT, "grad_cam"),
    "compare": (DIGIT, {"dtype": "float16"}),
    "diagnose": (BATCH,),
    "arithmetic": (DIGIT, "conv[0, 5, 7, 2]"),
    "plan": (8, "conv"),
    "weights": ("head",),
    "summary": (),
    "picture": (DIGIT, "conv"),
}
CHANGING = ("timing", "model", "seconds", "build_seconds")
"""What differs between two equal requests: times, and whether the model was built already."""


def comparable(result: Any) -> Any:
    """Return a result as values that can be compared."""
    if isinstance(result, RunReport):
        return comparable(result.facts), {name: array.tobytes() for name, array in result.items()}
    if isinstance(result, Report):
        return comparable(result.facts)
    if isinstance(result, Mapping | Record):
        return {name: comparable(item) for name, item in dict(result).items() if name not in CHANGING}
    if isinstance(result, list):
        return [comparable(item) for item in result]
    return result.tobytes() if isinstance(result, np.ndarray) else result


def public(kind: type) -> dict[str, Callable[..., Any]]:
    """Return the public methods of a class."""
    return {name: item for name, item in vars(kind).items() if inspect.isfunction(item) and name[0] != "_"}


@pytest.mark.parametrize(("waiting", "awaited"), [(Model, AsyncModel), (Layerscope, AsyncLayerscope)])
def test_both_clients_have_the_same_verbs(waiting: type, awaited: type) -> None:
    """With the same arguments and the same documentation."""
    assert set(public(waiting)) == set(public(awaited))
    for name, verb in public(waiting).items():
        other = public(awaited)[name]
        assert (inspect.signature(verb), verb.__doc__) == (inspect.signature(other), other.__doc__)
        assert verb.__doc__


def test_every_verb_of_a_model_is_tried_here() -> None:
    """Those with one result; the stream has a test of its own."""
    assert set(VERBS) | {"stream"} == set(public(Model))


@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_has_the_same_result_waiting_and_awaited(model: Model, als: AsyncLayerscope, verb: str) -> None:
    """Facts are equal, arrays to the bit."""
    waited = getattr(model, verb)(*VERBS[verb])
    awaited = await getattr(als[model.name], verb)(*VERBS[verb])
    assert comparable(waited) == comparable(awaited)


@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_has_the_same_result_over_httpx2(server: Server, model: Model, verb: str) -> None:
    """Waiting and awaited."""
    expected = comparable(getattr(model, verb)(*VERBS[verb]))
    with httpx2.Client() as client:
        waited = getattr(Layerscope(server.url, client=client)[model.name], verb)(*VERBS[verb])
    async with httpx2.AsyncClient() as client:
        awaited = await getattr(AsyncLayerscope(server.url, client=client)[model.name], verb)(*VERBS[verb])
    assert comparable(waited) == comparable(awaited) == expected


async def test_layers_come_as_a_stream(model: Model, als: AsyncLayerscope) -> None:
    """In the order of computation, with the bits of a run."""
    run = model.activations(DIGIT)
    waited = {layer.address: layer.array for layer in model.stream(DIGIT)}
    awaited = {layer.address: layer.array async for layer in als[model.name].stream(DIGIT)}
    assert list(waited) == list(awaited) == list(run)
    for address, array in run.items():
        np.testing.assert_array_equal(waited[address], array, strict=True)
        np.testing.assert_array_equal(awaited[address], array, strict=True)


async def test_a_stream_may_be_left(model: Model, als: AsyncLayerscope) -> None:
    """After its first layer, and the next call is answered."""
    assert next(iter(model.stream(DIGIT))).address == "conv"
    async for layer in als[model.name].stream(DIGIT):
        assert layer.address == "conv"
        break
    assert model.activations(DIGIT, "head")["head"].shape == (1, 10)


async def test_a_refused_stream_says_why(model: Model, als: AsyncLayerscope) -> None:
    """As every verb does."""
    with pytest.raises(errors.UnknownAddress, match='write "conv"'):
        list(model.stream(DIGIT, "conf"))
    with pytest.raises(errors.UnknownAddress, match='write "conv"'):
        _ = [layer async for layer in als[model.name].stream(DIGIT, "conf")]


def test_arrays_have_the_bits_of_keras(ls: Layerscope) -> None:
    """Those of the same model in this process, each layer by itself."""
    layers = keras.layers
    network = keras.Sequential([
        keras.Input((28, 28, 1)), layers.Conv2D(4, 3, name="conv"), layers.ReLU(name="relu"),
        layers.MaxPooling2D(name="pool"), layers.Flatten(name="flat"), layers.Dense(10, name="head"),
    ])  # fmt: skip
    run = ls.put("bits", network).activations(BATCH)
    tensor = BATCH.astype(np.float32)
    for layer in network.layers:
        tensor = np.asarray(layer(tensor))
        np.testing.assert_array_equal(run[layer.name], tensor, strict=True)


def test_a_run(model: Model, digit: Array) -> None:
    """Has an array for each address, statistics that are NumPy's, the times, and what was done to the picture."""
    run = model.activations(DIGIT, ["conv", "input"], views={"reduce": {"conv": "mean@h,w"}})
    whole = model.activations(digit[..., np.newaxis], "conv")
    assert list(run) == ["conv", "input"]
    np.testing.assert_array_equal(run["input"][0, :, :, 0], digit)
    np.testing.assert_allclose(run["conv"], whole["conv"].mean(axis=(1, 2)), rtol=1e-6)
    stats = run.layers["conv"].stats
    assert stats.max == stats["max"] == whole["conv"].max()
    assert (stats.nan, run.layers["conv"].view.reduce) == (0, "mean@h,w")
    assert run.timing.total_ms > 0
    assert run.inputs["input"].preprocessing.format == "PNG"


def test_a_run_is_a_view_of_the_reply(model: Model) -> None:
    """No array owns its memory, and all lie in one buffer."""
    run = model.activations(DIGIT)
    owners = {id(owner_of(array)) for array in run.values()}
    assert len(owners) == 1
    assert not any(array.flags.owndata for array in run.values())


def owner_of(array: Array) -> Any:
    """Return the array at the end of the chain of views."""
    while array.base is not None:
        array = array.base
    return array


def test_what_if_and_why(model: Model) -> None:
    """Edits change what they say; an explanation has its target."""
    run = model.activations(DIGIT, "conv", edits=[{"at": "conv", "channels": [1], "set": np.float32(3)}])
    assert (run["conv"][..., 1] == 3).all()
    assert run.edits[0].addresses == ["conv"]
    why = model.explain(DIGIT, "gradient", of="head:pre[3]", to="conv")
    assert (why.target.address, why.target.index, why["conv"].shape) == ("head:pre", "[3]", (1, 26, 26, 4))
    assert why.target.values == [model.activations(DIGIT, "head:pre")["head:pre"][0, 3]]


def test_comparisons(ls: Layerscope, model: Model) -> None:
    """Of two models, with an array of inputs for the other side; differences are a - b."""
    ls.put("other", {**DOCUMENT, "seed": 1})
    compared = model.compare(DIGIT, ls["other"], "head", differences=True)
    a, b = (side.activations(DIGIT, "head")["head"] for side in (model, ls["other"]))
    np.testing.assert_array_equal(compared["head"], a - b)
    assert (compared.equal, compared.first_divergence) == (False, "head")
    other = np.zeros((1, 28, 28, 1), np.uint8)
    found = model.compare(DIGIT, {"inputs": {"input": other}}, "conv")
    assert found.layers["conv"].status == "differs"
    assert model.compare(None, {"inputs": DIGIT}, "conv", a={"inputs": DIGIT}).equal
    assert model.compare(DIGIT, {}).layers["conv"].snr_db == float("inf")


def test_how_a_number_came_about(model: Model) -> None:
    """The value is that of the run."""
    report = model.arithmetic(DIGIT, "head:pre[0, 3]")
    assert report.value == model.activations(DIGIT, "head:pre")["head:pre"][0, 3]
    assert report.steps[0].terms_total == 26 * 26 * 4


def test_weights_are_those_of_keras(ls: Layerscope) -> None:
    """In the order of `get_weights()`, also of a policy whose variables NumPy has no dtype for."""
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="a"), keras.layers.Dense(2, name="b")])
    found = ls.put("ordered", network).weights()
    assert list(found) == ["a/kernel", "a/bias", "b/kernel", "b/bias"]
    for one, other in zip(found.values(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def test_models_by_name(ls: Layerscope) -> None:
    """They are listed, found and removed by it; a name that is none says so when a verb is used."""
    ls.put("passing", DOCUMENT)
    assert "passing" in ls
    assert {model.name: model for model in ls.models()}["passing"].id.startswith("sha256:")
    del ls["passing"]
    assert "passing" not in list(ls)
    with pytest.raises(errors.NotFound) as caught:
        ls["passing"].summary()
    assert (caught.value.status, caught.value.code) == (404, "not_found")
    with pytest.raises(errors.NotFound):
        del ls["passing"]


def test_a_summary(model: Model) -> None:
    """The graph, and each layer's plan."""
    summary = model.summary()
    assert summary.edges[0] == summary["edges"][0] == ["input", "conv"]
    assert summary.layers["conv"].receptive_field.size == [3, 3]
    assert summary.totals.parameters == summary.parameters


def test_a_summary_of_a_network_whose_inputs_are_not_declared(ls: Layerscope) -> None:
    """The graph alone: shapes follow from the inputs of a run."""
    summary = ls.put("undeclared", {"layers": [{"type": "Flatten"}, {"type": "Dense", "units": 2}]}).summary()
    assert list(summary.layers) == ["flatten", "dense"]


@pytest.mark.parametrize(
    ("inputs", "most", "total"), [(DIGIT, 10_000, 10_816), (BATCH, 400_000, 432_640), ([DIGIT] * 3, 30_000, 32_448)]
)
def test_a_budget_of_bytes(model: Model, inputs: Any, most: int, total: int) -> None:
    """A run over it is not begun, and the error has the bytes of its arrays; another within it is."""
    with pytest.raises(errors.OverBudget, match=f"{total:,} bytes, over max_bytes={most:,}; the largest: conv"):
        model.activations(inputs, "conv", max_bytes=most)
    assert model.activations(inputs, "conv", max_bytes=total)["conv"].nbytes == total


def test_a_budget_counts_weights(model: Model) -> None:
    """Where they are asked for."""
    assert model.activations(DIGIT, "head", max_bytes=40)["head"].nbytes == 40
    with pytest.raises(errors.OverBudget, match=f"{40 + 4 * 27050:,} bytes"):
        model.activations(DIGIT, "head", weights=True, max_bytes=100_000)


def test_a_budget_where_sizes_are_free(ls: Layerscope) -> None:
    """The plan does not know them: the reply is not read if it is longer."""
    undeclared = ls.put("undeclared", {"layers": [{"type": "Flatten"}, {"type": "Dense", "units": 2}]})
    assert undeclared.activations(np.ones((1, 4)), max_bytes=5000)["dense"].shape == (1, 2)
    model = ls.put("free", {"input": [None, None, 1], "layers": DOCUMENT["layers"][:1]})
    with pytest.raises(errors.OverBudget, match="the reply has"):
        model.activations(DIGIT, max_bytes=2000)
    assert model.activations(DIGIT, max_bytes=20_000)["conv"].shape == (1, 26, 26, 4)


def test_records_show_what_they_have() -> None:
    """Names can be completed, and one that is not there lists those that are."""
    record = Record({"mean": 1.5})
    assert "mean" in dir(record)
    assert repr(record) == "Record({'mean': 1.5})"
    with pytest.raises(AttributeError, match="use one of mean"):
        _ = record.median

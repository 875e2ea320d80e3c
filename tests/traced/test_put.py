"""`put` of models that only their code describes: they are traced, registered with their weights, and compared."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import keras
import numpy as np
import pytest
import tf_keras
from keras import layers, ops
from layerscope_client import AsyncLayerscope, Layerscope, LayerscopeError
from layerscope_client.keras import DifferenceWarning, UncheckedWarning, Untraceable
from layerscope_client.uploads import NoteWarning, OnlyCode

if TYPE_CHECKING:
    from tests.conftest import Server

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # raised by Keras
Array = np.ndarray[Any, Any]
SECRET = 41.5
"""A number in the code of a Lambda."""


class Scaled(layers.Layer):
    """A custom layer with a weight."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight((shape[-1],), "random_normal", name="scale")

    def call(self, x: Any) -> Any:
        return x * self.scale + 1


class Classifier(keras.Model):
    """A sub-class with layers of its own."""

    def __init__(self) -> None:
        super().__init__(name="classifier")
        self.body, self.head = layers.Dense(5, activation="relu"), layers.Dense(3)

    def call(self, x: Any) -> Any:
        return ops.softmax(self.head(self.body(x) + ops.mean(x, axis=-1, keepdims=True)))


class Doubling(keras.Model):
    """A sub-class with a graph, of which its `call` returns twice as much."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return 2 * super().call(*args, **kwargs)


class Negated(keras.Model):
    """A sub-class with a graph, of which it returns the negative when it is called."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return -super().__call__(*args, **kwargs)


class Trained(keras.Model):
    """A sub-class with a graph that computes just that."""

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def graph(layer: Any, cls: type[keras.Model] = keras.Model) -> keras.Model:
    """Return a model of Keras' own layers around another."""
    first = keras.Input((6,), name="first")
    return cls(first, layers.Dense(4, name="last")(layer(layers.Dense(6, name="dense")(first))))


def subclass() -> keras.Model:
    """Return a sub-class that was called once."""
    model = Classifier()
    model(np.zeros((1, 6), np.float32))
    return model


def wrapped() -> keras.Model:
    """Return a model whose `to_json()` raises: a layer of it has an argument that no config can have."""

    class Needy(layers.Layer):
        def __init__(self, factor: Any) -> None:
            super().__init__(name="needy")
            self.factor = factor

        def call(self, x: Any) -> Any:
            return x * self.factor.value

    return graph(Needy(SimpleNamespace(value=3)))


MODELS: dict[str, Any] = {
    "custom layer": lambda: graph(Scaled(name="scaled")),
    "sub-class": subclass,
    "lambda": lambda: graph(layers.Lambda(lambda x: x * SECRET, name="times")),
    "call": lambda: graph(layers.ReLU(name="relu"), Doubling),
    "to_json raises": wrapped,
}


@pytest.fixture
def sent() -> list[bytes]:
    """The bodies of what is sent."""
    return []


@pytest.fixture
def ls(server: Server, sent: list[bytes]) -> Iterator[Layerscope]:
    """A client that waits, and notes what it sends."""
    client = httpx.Client(event_hooks={"request": [lambda request: sent.append(request.read())]})
    with client, Layerscope(server.url, client=client) as service:
        yield service


@pytest.fixture
async def als(server: Server) -> AsyncIterator[AsyncLayerscope]:
    """A client that is awaited."""
    async with AsyncLayerscope(server.url) as service:
        yield service


def output(model: keras.Model, rows: Array) -> Array:
    """Return what a model computes in this process."""
    return np.asarray(model(rows))


@pytest.mark.parametrize("kind", MODELS)
async def test_a_model_with_code(
    ls: Layerscope, als: AsyncLayerscope, rows: Array, sent: list[bytes], kind: str
) -> None:
    """Is served with the model's own bits, by each client; nothing of its code is sent."""
    model = MODELS[kind]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        served = ls.put("code", model)
        awaited = await als.put("awaited", model)
    assert not [body for body in sent if b"__lambda__" in body or b"marshal" in body or b"Doubling" in body]
    (address,) = served.summary().outputs
    np.testing.assert_array_equal(served.activations(rows)[address], output(model, rows), strict=True)
    np.testing.assert_array_equal((await awaited.activations(rows))[address], output(model, rows), strict=True)


def test_a_sub_class_for_training_is_its_graph(ls: Layerscope, rows: Array) -> None:
    """Its `call` is Keras' own: it is sent as `to_json()` has it."""
    model = graph(layers.ReLU(name="relu"), Trained)
    with pytest.warns(NoteWarning, match="is read as the graph"):
        served = ls.put("trained", model)
    np.testing.assert_array_equal(served.activations(rows)["last"], output(model, rows), strict=True)


def test_a_model_that_was_never_built(ls: Layerscope, rows: Array) -> None:
    """Says to give its inputs; with them, as shapes, symbols or arrays, it is built and traced."""
    with pytest.raises(Untraceable, match=r"shapes of the inputs of classifier are not known.*inputs=\(28, 28, 1\)"):
        ls.put("unbuilt", Classifier())
    for given in ((6,), keras.Input((6,)), rows):
        model = Classifier()
        served = ls.put("unbuilt", model, inputs=given)
        np.testing.assert_array_equal(served.activations(rows)["softmax"], output(model, rows), strict=True)


def test_a_sequential_that_was_never_built(ls: Layerscope, rows: Array, sent: list[bytes]) -> None:
    """Has no weights: the service would draw others than Keras."""
    model = keras.Sequential([layers.Dense(2, name="dense")])
    with pytest.raises(Untraceable, match="inputs="):
        ls.put("unbuilt", model)
    assert sent == []
    served = ls.put("unbuilt", model, inputs=(6,))
    np.testing.assert_array_equal(served.activations(rows)["dense"], output(model, rows), strict=True)


def test_what_cannot_be_traced(ls: Layerscope) -> None:
    """Is said with the layer and the line, and nothing is registered."""

    class Noisy(layers.Layer):
        def call(self, x: Any) -> Any:
            return x + keras.random.normal(ops.shape(x))

    with pytest.raises(
        LayerscopeError, match=r"noisy \(Noisy\): it draws random numbers.*test_put.py:\d+: return x"
    ) as caught:
        ls.put("noisy", graph(Noisy(name="noisy")))
    assert isinstance(caught.value, Untraceable)
    assert "noisy" not in ls


class Shifted(layers.Layer):
    """A layer that adds one in the trace, and two otherwise."""

    def call(self, x: Any) -> Any:
        return x + (1 if isinstance(x, keras.KerasTensor) else 2)


@pytest.mark.parametrize(("check", "is_warned"), [(None, True), (True, True), (False, False)])
async def test_a_traced_model_is_checked(
    ls: Layerscope, als: AsyncLayerscope, check: bool | None, is_warned: bool
) -> None:
    """Unless it is not to be: what is served is compared with what its code computes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ls.put("shifted", graph(Shifted()), check=check)
        await als.put("shifted", graph(Shifted()), check=check)
    assert [one.category for one in caught] == [DifferenceWarning] * (2 * is_warned)


def test_a_plain_model_is_checked_where_it_is_asked_for(ls: Layerscope, sent: list[bytes]) -> None:
    """It is run once on each side; by default it is not run at all."""
    model = graph(layers.ReLU(name="relu"))
    ls.put("plain", model)
    assert len(sent) == 1
    ls.put("plain", model, check=True)
    assert len(sent) > 2
    with pytest.raises(TypeError, match="leave check out"):
        ls.put("plain", {"input": [6], "layers": [{"type": "ReLU"}]}, check=True)


def test_what_cannot_be_checked_is_registered_with_a_warning(ls: Layerscope, rows: Array) -> None:
    """Its code does not run on random numbers; on arrays that are given, it does."""

    class Careful(layers.Layer):
        def call(self, x: Any) -> Any:
            if hasattr(x, "numpy") and float(ops.max(x)) < 50:
                raise ValueError("small numbers")
            return x * 2

    first = keras.Input((6,), name="first")
    model = keras.Model(first, Careful(name="careful")(first))
    with pytest.warns(UncheckedWarning, match=r"careful is registered.*inputs=.*small numbers"):
        ls.put("careful", model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        served = ls.put("careful", model, inputs=rows + 100)
    (address,) = served.summary().outputs
    np.testing.assert_array_equal(served.activations(rows + 100)[address], (rows + 100) * 2)


def test_a_model_whose_call_is_not_all(ls: Layerscope) -> None:
    """Is refused, and not served without the rest."""
    with pytest.raises(Untraceable, match=r"\(Negated\): its __call__ is its own. Write it as call"):
        ls.put("negated", graph(layers.ReLU(name="relu"), Negated))
    assert "negated" not in ls


def test_ids_may_be_floats(ls: Layerscope) -> None:
    """As an input without a dtype has them: the model is compared on ids, not on normal numbers."""

    class Tokens(layers.Layer):
        def __init__(self) -> None:
            super().__init__(name="tokens")
            self.table = layers.Embedding(7, 3)

        def call(self, x: Any) -> Any:
            return self.table(x) * 2

    first = keras.Input((5,), name="first")
    output = Tokens()(first)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ls.put("ids", keras.Model(first, [output, output]))


def test_weights_are_those_of_the_model(ls: Layerscope) -> None:
    """In Keras' order they would not be in the order of a trace."""
    model = graph(Scaled())
    with pytest.raises(OnlyCode, match="load the weights into the model"):
        ls.put("weighted", model, weights=model.get_weights())


def test_inputs_are_of_models_of_keras(ls: Layerscope) -> None:
    """A document has its own."""
    with pytest.raises(OnlyCode, match="give inputs with a model of Keras 3 alone"):
        ls.put("document", {"layers": [{"type": "ReLU"}]}, inputs=(6,))


def test_labels_are_kept(ls: Layerscope, rows: Array) -> None:
    """Of a traced model, too."""
    served = ls.put("labelled", subclass(), labels=["a", "b", "c"])
    assert served.activations(rows).layers["softmax"].labels == ["a", "b", "c"]


@pytest.mark.filterwarnings("ignore")  # of an old Keras
def test_an_older_keras(ls: Layerscope, sent: list[bytes]) -> None:
    """Cannot be traced: its code is named, and not sent; what has none is taken."""
    model = tf_keras.Sequential([tf_keras.Input((6,)), tf_keras.layers.Lambda(lambda x: x * SECRET)])
    with pytest.raises(OnlyCode, match="use Keras 3"):
        ls.put("older", model)
    assert sent == []
    own = type("Own", (tf_keras.layers.Layer,), {})
    with pytest.raises(OnlyCode, match="what Own computes"):
        ls.put("older", tf_keras.Sequential([tf_keras.Input((6,)), own()]))
    plain = tf_keras.Sequential([tf_keras.Input((6,)), tf_keras.layers.Dense(2, name="dense")])
    assert list(ls.put("older", plain).weights()) == ["dense/kernel", "dense/bias"]


def test_the_tracer_is_imported_only_for_code(server: Server) -> None:
    """A model of Keras' own layers needs nothing of Keras but its two methods."""
    code = (
        "import sys, keras; from layerscope_client import Layerscope; first = keras.Input((6,)); "
        "ls = Layerscope(sys.argv[1]); ls.put('plain', keras.Model(first, keras.layers.Dense(2)(first))); "
        "print('layerscope_client.keras' in sys.modules); "
        "ls.put('code', keras.Model(first, keras.layers.Lambda(lambda x: x * 2)(first))); "
        "print('layerscope_client.keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, server.url], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]

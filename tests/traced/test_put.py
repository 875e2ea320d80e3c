"""`put` of models that only their code describes: they are traced, and registered with their weights."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras import layers, ops
from layerscope_client import AsyncLayerscope, Layerscope, LayerscopeError
from layerscope_client.errors import OnlyCode
from layerscope_client.keras import Untraceable
from layerscope_client.uploads import NoteWarning

from tests.traced.conftest import Array
from tests.traced.models_with_code import (
    MODELS,
    SECRET,
    Classifier,
    Negated,
    Scaled,
    Trained,
    graph,
    subclass,
    with_activation,
)

if TYPE_CHECKING:
    from tests.conftest import Server

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # raised by Keras


def output(model: keras.Model, rows: Array) -> Array:
    """Return what a model computes in this process."""
    return np.asarray(model(rows))


@pytest.mark.parametrize("kind", MODELS)
async def test_a_model_with_code(
    ls: Layerscope, als: AsyncLayerscope, rows: Array, sent: list[bytes], kind: str
) -> None:
    """Is served with the model's own bits, by each client; nothing of its code is sent. Inside TimeDistributed, Keras
    multiplies step by step, and what is traced all steps at once: the last bits differ on processors without AVX-512.
    """
    model = MODELS[kind]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        served = ls.put("code", model)
        awaited = await als.put("awaited", model)
    assert not [body for body in sent if b"__lambda__" in body or b"marshal" in body or b"Doubling" in body]
    (address,) = served.summary().outputs
    expected, rtol = output(model, rows), 1e-5 if kind.startswith("another") else 0
    for found in (served.activations(rows, address), await awaited.activations(rows, address)):
        np.testing.assert_allclose(found[address], expected, rtol=rtol, atol=rtol and 1e-7, strict=True)


def test_functions_of_other_modules_may_be_the_same(ls: Layerscope, rows: Array) -> None:
    """TensorFlow's are Keras' own by their numbers: layers that have them stay layers."""
    model = with_activation(tf.nn.gelu)
    served = ls.put("gelu", model)
    assert [layer["type"] for layer in served.summary().nodes] == ["Dense", "Reshape", "TimeDistributed"]
    np.testing.assert_array_equal(served.activations(rows)["each"], output(model, rows), strict=True)


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


def test_a_model_whose_call_is_not_all(ls: Layerscope) -> None:
    """Is refused, and not served without the rest."""
    with pytest.raises(Untraceable, match=r"\(Negated\): its __call__ is its own. Write it as call"):
        ls.put("negated", graph(layers.ReLU(name="relu"), Negated))
    assert "negated" not in ls


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

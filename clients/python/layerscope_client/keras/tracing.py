"""A Keras model as a document, with its weights: its code runs here, once on symbolic tensors, and is sent nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional  # private: keras.Model is not it

from layerscope_client.keras.evaluation import Evaluation
from layerscope_client.keras.fixed import BATCHES
from layerscope_client.keras.graph import Call, Merging, Rows, Tensor
from layerscope_client.keras.layers import NotOurs, fields_of, is_ours
from layerscope_client.keras.lists import LayerList, Shared, is_source
from layerscope_client.keras.model_inputs import ModelInputs, inputs_of
from layerscope_client.keras.recording import RecordedCall, Recorder, refusal
from layerscope_client.keras.session import recording
from layerscope_client.keras.untraceable import Untraceable

Weights = dict[str, np.ndarray[Any, Any]]


@dataclass
class Traced:
    """A model as a document, and its weights by the names that the document gives them; unpacks to the two."""

    document: dict[str, Any]
    weights: Weights

    def __iter__(self) -> Any:
        return iter((self.document, self.weights))


def traced(model: keras.Model, inputs: Any = None) -> Traced:
    """Return a Keras model as a document and its weights.

    `inputs` are shapes without the batch, `keras.Input`s or arrays, for one input or in the structure that the model's
    `call` takes: those of a model that has none of its own, or sizes in place of free ones.

    Raises:
        Untraceable: naming the layer, the line and the reason.
    """
    if _calls_otherwise(model):
        raise Untraceable(
            "its __call__ is its own", f"{model.name} ({type(model).__name__})", advice="Write it as call."
        )
    given = inputs_of(model, inputs)
    _build(model, given)
    recordings = [_recorded(model, given, batch) for batch in BATCHES]
    merging = Merging()
    tensors = {}
    for name, pair in zip(given.names, zip(*(symbolic for _, symbolic in recordings), strict=True), strict=True):
        shape = (Rows(), *pair[0].shape[1:])
        tensors[name] = merging.tensors[id(pair[0]), id(pair[1])] = Tensor(shape, pair[0].dtype, symbolic=pair[0])
    *before, call = merging.merge(recordings[0][0], recordings[1][0])
    call.inside = [*before, *(call.inside or [])]  # Keras casts what the model is called on
    try:
        return _written(model, given, tensors, call, Evaluation(merging.tensors))
    except Untraceable as error:
        raise given.with_sizes(error) from error


def has_code(model: keras.Model) -> bool:
    """Whether a model computes something that only its code says, so that `to_json()` does not: it has layers of its
    author's, Lambdas or functions, or a `call` of its own.
    """
    return any(_has_code(layer) for layer in model._flatten_layers())


def _has_code(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, keras.layers.InputLayer | keras.layers.Masking):
        return False
    if isinstance(layer, keras.Model):
        return type(layer).call not in {keras.Sequential.call, Functional.call} or _calls_otherwise(layer)
    try:
        fields_of(layer)
    except NotOurs:
        return True
    return False


def _calls_otherwise(model: keras.Model) -> bool:
    """Whether what a model returns is not what its `call` does."""
    return type(model).__call__ is not keras.layers.Layer.__call__


def document(model: keras.Model, inputs: Any = None) -> dict[str, Any]:
    """Return a Keras model as a document, as `traced` does."""
    return traced(model, inputs).document


def _build(model: keras.Model, given: ModelInputs) -> None:
    """Let Keras create the weights of a model that was not called yet."""
    if all(layer.built for layer in model._flatten_layers()):
        return
    try:
        model(given.symbolic(None), training=False)
    except Exception as error:  # whatever the user's code raises is a reason
        raise given.with_sizes(refusal(model, error)) from error


def _recorded(model: keras.Model, given: ModelInputs, batch: int) -> tuple[list[RecordedCall], list[Any]]:
    """Return the recorded call of a model on so many rows, and its symbolic inputs."""
    structure = given.symbolic(batch)
    recorder = Recorder(lambda layer, args, kwargs: layer is not model and is_ours(layer, args, kwargs))
    try:
        with recording(recorder):
            model(structure, training=False)
    except Untraceable as error:
        raise given.with_sizes(error) from error
    return recorder.calls, keras.tree.flatten(structure)


def _written(model: Any, given: ModelInputs, inputs: dict[str, Tensor], call: Call, evaluation: Evaluation) -> Traced:
    """Return the recorded call of a model as a document."""
    if any(tensor.is_fixed for tensor in call.outputs):
        raise call.refusal("what it returns does not depend on its input")
    calls = call.inside or []
    live = set(call.outputs)
    mark_live(calls, live)
    source = next((tensor for tensor in inputs.values() if is_source(tensor)), next(iter(inputs.values())))
    layers = LayerList(Shared(live, evaluation), model, source, is_document=True)
    layers.add_all(calls)
    named = layers.written({tensor: name for name, tensor in inputs.items()})
    if not named:
        raise call.refusal("it returns its input as it is")
    result = {"name": model.name, "input": given.declared(), "layers": [one.written(layers.addresses) for one in named]}
    result["outputs"] = [layers.addresses[tensor] for tensor in call.outputs]
    return Traced(result, layers.weights(named))


def mark_live(calls: Sequence[Call], live: set[Tensor]) -> None:
    """Add to `live` every tensor that is needed for those in it, the last calls first."""
    for call in reversed(calls):
        if call.inside is not None:
            mark_live(call.inside, live)
        elif any(tensor in live for tensor in call.outputs):
            live.update(call.tensors())

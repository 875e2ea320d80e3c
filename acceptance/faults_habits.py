"""Reported faults 1I to M, S, U and others: habits of other servers and of older Keras in JSON and addresses."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers as L  # noqa: N812

from acceptance.fault_rows import Answer, Array, Row, asked, in_turn, posted, right
from acceptance.faults_forms import FLAT, PNG, RUN
from acceptance.keras_files import NAME, PATH, computed, counted, file_of, put, run_of
from acceptance.live_service import Service
from tests.api.habits import form

PLAN = "/v1/plan"
GREY = base64.b64encode(PNG).decode()
VECTOR: dict[str, Any] = {"input": [2], "layers": [{"type": "Identity"}]}
ROWS: Any = [[1.0, 2.0]]
STATES: dict[str, Any] = {"input": [2, 1], "layers": [{"type": "LSTM", "units": 1, "return_state": True}]}
TENSOR = {"name": "input", "shape": [1, 2], "datatype": "FP32", "data": [1.0, 2.0]}
NP = {"content_type": "np"}
VALUE: Array = np.array(ROWS, "f4")
PICTURES = np.array([[1, 2, 3, 4]] * 2, "f4")
registered = asked("PUT", PATH, json=VECTOR)


def keys(keras_json: Any) -> Iterator[Row]:
    """Yield bodies with unknown keys, and documents in place of bodies."""
    named = right(422, says=(r"\binputs\b", r"\bmodel\b"))
    yield Row("1I", "input instead of inputs", named, posted(RUN, {"model": VECTOR, "input": ROWS}))
    yield Row("1I", "image instead of inputs", named, posted(RUN, {"model": FLAT, "image": GREY}))
    yield Row("1I", "network instead of model", named, posted(RUN, {"network": VECTOR, "inputs": ROWS}))
    told = right(422, says='under "model"')
    for what, body in {"a document": VECTOR, "a list of layers": VECTOR["layers"], "Keras' JSON": keras_json}.items():
        yield Row("1I", f"{what} as the whole body of a run", told, posted(RUN, body))
        yield Row("1I", f"{what} as the whole body of a plan", told, posted(PLAN, body))


def whole_files() -> Iterator[Row]:
    """Yield a .keras where JSON is expected."""
    made = counted(keras.Sequential([keras.Input((2,), name="x"), L.Dense(1)]))
    file, value = file_of(made), computed(made, {"x": VALUE})
    told = right(400, 422, says=(r"\.keras", "PUT", "weights"), never='model is not JSON"')
    yield Row(
        "1J", ".keras as model of /v1/activations", told, asked("POST", RUN, **form(model=file, inputs="[[1, 2]]"))
    )

    def raw(service: Service) -> Answer:
        service.client.delete(PATH)
        return asked("PUT", PATH, content=file)(service)

    yield Row("1J", ".keras as raw PUT", right(200, value=value), in_turn(raw, run_of(ROWS)))
    yield Row("1J", ".keras as part model of PUT", right(200, value=value), in_turn(put(model=file), run_of(ROWS)))


def content_types() -> Iterator[Row]:
    """Yield requests of MLServer's and MLflow's clients."""
    bodies = {
        "the request": {"inputs": [TENSOR], "parameters": NP},
        "an input": {"inputs": [TENSOR | {"parameters": NP}]},
        "an output": {"inputs": [TENSOR], "outputs": [{"name": "identity", "parameters": NP}]},
    }
    for what, body in bodies.items():
        sent = in_turn(registered, posted(f"/v2/models/{NAME}/infer", body))
        yield Row("1K", f'content_type "np" of {what} on /v2', right(200, says=r'"data":\s*\[1.0,\s*2.0\]'), sent)


def documented(service: Service) -> Answer:
    """Return the documentation of the API in the checkout that the service was started from."""
    return Answer("read", (service.tree / "docs" / "api.md").read_text())


def addresses() -> Iterator[Row]:
    """Yield addresses in URLs, which end at `#`."""
    states = asked("PUT", PATH, json=STATES)
    body = {"inputs": [[1.0], [2.0]]}
    told, path = right(422, says=r"lstm%23\d"), f"{PATH}/activations?layers=lstm"
    yield Row("1L", "?layers=lstm#1, of which lstm arrives", told, in_turn(states, posted(path, body)))
    yield Row("1L", "?layers=lstm%231", right(200), in_turn(states, posted(f"{path}%231", body)))
    yield Row("1L", "docs/api.md", right("read", says=r"lstm%231"), documented)


def keras_habits(keras_json: Any) -> Iterator[Row]:
    """Yield TensorFlow.js' JSON, words of older Keras, and names in place of documents."""
    topology = {"keras_version": "3.15.1", "backend": "tensorflow", "model_config": keras_json}
    whole = {"format": "layers-model", "modelTopology": topology, "weightsManifest": []}
    for what, document in {"model.json": whole, "modelTopology": {"modelTopology": topology}}.items():
        yield Row("1M", f"TensorFlow.js' {what}", right(200), posted(PLAN, {"model": document}))
    first = {"model": {"layers": [{"type": "Dense", "units": 1, "input_shape": [2]}]}}
    yield Row("1S", "input_shape on a layer", right(200, never='write "inputs"'), posted(PLAN, first))
    conv = {"type": "Conv2D", "filters": 1, "kernel_size": 3}
    told = right(422, says=r"suggestion\":\"leave the batch out.*\[8, 8, 1\]")
    batch = {"model": {"input": [None, 8, 8, 1], "layers": [conv]}}
    yield Row("1S", "input: [null, 8, 8, 1]", told, posted(PLAN, batch))
    for what, path in {"activations": RUN, "plan": PLAN}.items():
        named = in_turn(registered, posted(path, {"model": NAME, **({"inputs": ROWS} if path == RUN else {})}))
        says = f"/v1/models/{NAME}/activations" if path == RUN else rf"/v1/plan\?model={NAME}"
        yield Row("1S", f"a registered name as model of /v1/{what}", right(422, says=says), named)


def several_pictures() -> Iterator[Row]:
    """Yield two pictures in one JSON request, and TensorFlow Serving's address."""
    for what, inputs in {"a list": [{"image": GREY}] * 2, "one image": {"image": [GREY, GREY]}}.items():
        sent = posted(RUN, {"model": FLAT, "inputs": inputs})
        yield Row("1U", f"two pictures in JSON, as {what}", right(200, value=PICTURES), sent)
    serving = in_turn(registered, posted(f"{PATH}:predict", {"instances": ROWS}))
    yield Row("1U", "POST …:predict", right(404, says=f"/v1/models/{NAME}/activations"), serving)


def others() -> Iterator[Row]:
    """Yield what else was seen."""
    axios = posted(f"{PATH}/activations?layers[]=identity&layers[]=input", {"inputs": ROWS})
    both = right(200, says=('"address":"identity"', '"address":"input"'))
    yield Row("1", "layers[]=a&layers[]=b of axios", both, in_turn(registered, axios))
    yield Row("1", "GET /", right(404, 200, 307, says="/docs"), asked("GET", "/"))
    yield Row("1", "GET /health", right(404, says="/healthz"), asked("GET", "/health"))
    steps = {"Lambda": r"ops\.", "TextVectorization": "ids|int64|int32"}
    for name, says in steps.items():
        sent = posted(PLAN, {"model": [{"type": name}]})
        yield Row("1", f"{name} in a document", right(422, says=(name, says)), sent)
    code = keras.Sequential([keras.Input((2,)), L.Lambda(lambda x: x)]).to_json()
    yield Row("1", "Lambda in Keras' JSON", right(422, says=("Lambda", r"ops\.")), posted(PLAN, {"model": code}))


def rows() -> Iterator[Row]:
    """Yield all rows."""
    keras_json = json.loads(keras.Sequential([keras.Input((2,), name="x"), L.Dense(1, name="d")], name="s").to_json())
    yield from keys(keras_json)
    yield from whole_files()
    yield from content_types()
    yield from addresses()
    yield from keras_habits(keras_json)
    yield from several_pictures()
    yield from others()

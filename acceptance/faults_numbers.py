"""Reported faults 2 of constants, arguments, masks and JSON that is not strict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers as L  # noqa: N812
from keras import ops

from acceptance.fault_rows import Answer, Ask, Row, answered, asked, in_turn, posted, right, text_posted
from acceptance.faults_dtypes import PLAN, RUN
from acceptance.keras_files import PATH, computed, put, run_of
from acceptance.live_service import Service
from tests.api.habits import form

ROWS: Any = [[1.0, 2.0]]
STEPS: Any = [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]
HELD: Any = [[True, False, True]]


def constants() -> Iterator[Row]:
    """Yield a constant without axes in Keras' JSON."""
    x = keras.Input((2,), name="x")
    made = keras.Model(x, x * ops.sqrt(ops.cast(6, "float32")))
    value = computed(made, {"x": np.array(ROWS, "f4")})
    yield Row("2", 'x * ops.sqrt(ops.cast(6, "float32"))', right(200, value=value),
              in_turn(put(model=made.to_json()), run_of(ROWS)))  # fmt: skip


IMAGE_LAYERS: dict[str, dict[str, Any]] = {
    "AutoContrast": {}, "RandomBrightness": {"factor": 0.1}, "RandomContrast": {"factor": 0.1}, "Solarization": {},
}  # fmt: skip


def data_formats() -> Iterator[Row]:
    """Yield the image layers whose `data_format` Keras takes among other arguments."""
    channels_first = np.arange(12.0).reshape(1, 3, 2, 2)
    for name, arguments in IMAGE_LAYERS.items():
        for data_format, shape in (("channels_last", [2, 2, 3]), ("channels_first", [3, 2, 2])):
            array = channels_first if data_format == "channels_first" else channels_first.transpose(0, 2, 3, 1)
            layer = {"type": name, **arguments, "data_format": data_format}
            value = np.asarray(getattr(L, name)(**arguments, data_format=data_format)(array, training=False))
            run = posted(RUN, {"model": {"input": shape, "layers": [layer]}, "inputs": array.tolist()})
            yield Row("2", f"{name} with data_format {data_format}", right(200, value=value.astype("f4")), run)


def arguments() -> Iterator[Row]:
    """Yield `lora_rank`, which both layers refuse alike, and the shape of HashedCrossing."""
    for name, fields in {"Conv2D": {"filters": 1, "kernel_size": 2}, "Dense": {"units": 1}}.items():
        model = {"input": [4, 4, 1], "layers": [{"type": name, **fields, "lora_rank": 2}]}
        told = right(422, says=("/layers/0/lora_rank", "(?i)lora"), never=("is not an argument", "should be null"))
        yield Row("2", f"lora_rank of {name}", told, posted(PLAN, {"model": model}))
    yield from crossings()


def crossings() -> Iterator[Row]:
    """Yield HashedCrossing of two inputs of shape [], of one row and of two: the axes of the plan and of the run."""
    pair = {name: {"shape": [], "dtype": "int32"} for name in ("a", "b")}
    for mode, rows_ in (("int", [1, 2]), ("one_hot", [1]), ("one_hot", [1, 2])):
        layer = {"type": "HashedCrossing", "num_bins": 2, "output_mode": mode, "inputs": ["a", "b"]}
        computed_ = L.HashedCrossing(2, output_mode=mode)((np.array(rows_), np.array(rows_)))
        expected = right(200, value=np.array([len(computed_.shape)] * 2))
        words = f"HashedCrossing of {len(rows_)} rows of two inputs of shape [], {mode}: axes planned and run"
        yield Row("2", words, expected, crossed({"input": pair, "layers": [layer]}, rows_))


def crossed(model: Any, rows_: list[int]) -> Ask:
    """Return a plan and a run of some rows; the value is the number of axes of each."""

    def ask(service: Service) -> Answer:
        plan = service.client.post(PLAN, json={"model": model, "batch": len(rows_)})
        ran = service.client.post(RUN, json={"model": model, "inputs": {"a": rows_, "b": rows_}})
        if plan.status_code != 200 or ran.status_code != 200:
            return answered(ran if plan.status_code == 200 else plan)
        return Answer(200, "", np.array([len(one.json()["layers"][-1]["shape"]) for one in (plan, ran)]))

    return ask


def masks() -> Iterator[Row]:
    """Yield a mask by position and by keyword."""
    for way in ("position", "keyword"):
        x, held = keras.Input((3, 2), name="x"), keras.Input((3,), dtype="bool", name="held")
        pool = L.GlobalAveragePooling1D()
        made = keras.Model([x, held], pool(x, held) if way == "position" else pool(x, mask=held))
        value = computed(made, {"x": np.array(STEPS, "f4"), "held": np.array(HELD)})
        sent = in_turn(put(model=made.to_json()), run_of({"x": STEPS, "held": HELD}))
        yield Row("2", f"GlobalAveragePooling1D()(x, mask) by {way}", right(200, value=value), sent)


DENSE = '{"input": [4], "layers": [{"type": "Dense", "units": 1}]}'
TWICE = '{"input": [4], "layers": [{"type": "Dense", "units": 1, "units": 2}]}'
IDS = '{"input": {"x": {"shape": [4], "dtype": "int32"}}, "layers": [{"type": "Flatten"}]}'
NUMBERS = "[[1, 2, 3, true]]"


def body(*members: str, model: str = DENSE) -> str:
    """Return a body with a model and other members."""
    return f'{{"model": {", ".join((model, *members))}}}'


def strictness() -> Iterator[Row]:
    """Yield keys that stand twice, and `true` among numbers."""
    first, second = "[[1, 2, 3, 4]]", "[[5, 6, 7, 8]]"
    bodies = {
        "a key twice in a document": body(f'"inputs": {first}', model=TWICE),
        "a key twice in a body": body(f'"inputs": {first}', f'"inputs": {second}'),
        "a key twice in inputs": body(f'"inputs": {{"input": {first}, "input": {second}}}'),
        f"{NUMBERS} as numbers": body(f'"inputs": {NUMBERS}'),
        f"{NUMBERS} as ids": body(f'"inputs": {NUMBERS}', model=IDS),
    }
    told = right(400, 422)
    for what, text in bodies.items():
        yield Row("2", what, told, text_posted(RUN, text))
    registered = asked("PUT", PATH, content=TWICE, headers={"Content-Type": "application/json"})
    yield Row("2", "a key twice in a registered document", told, registered)
    part = asked("POST", RUN, **form(model=TWICE, inputs=first))
    yield Row("2", "a key twice in a part of a form", told, part)


def rows() -> Iterator[Row]:
    """Yield all rows."""
    for made in (constants, data_formats, arguments, masks, strictness):
        yield from made()

"""Reported faults 2 and 6 that were counts of 500: every layer type, and documents and JSON drawn at random.

`dtypes`, `drawn_documents` and `keras_mutants` ask the same at length.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import keras
import numpy as np

from acceptance import graph_models
from acceptance.drawn import document
from acceptance.dtypes import case
from acceptance.fault_rows import Answer, Json, Row, right
from acceptance.live_service import Service
from acceptance.mutants import mutant, zeros
from models.layers import LAYERS
from tests.unit import keras_models

DRAWN = 60
RUN, PLAN = "/v1/activations", "/v1/plan"
Sent = Iterator[tuple[Json, dict[str, Any] | None]]


def of_every_type(dtype: str, own: str | None) -> Callable[[], Sent]:
    """Return the example of every type on inputs of a dtype, or in a dtype of its own."""
    return lambda: ((one.model, one.inputs) for one in (case(cls, dtype, own, False) for cls in LAYERS))


def drawn_documents() -> Sent:
    """Yield documents drawn from the layers' JSON schemas."""
    for seed in range(DRAWN):
        yield document(Random(seed))


def mutants_of_keras() -> Sent:
    """Yield Keras' JSON with something changed; its inputs follow from the plan."""
    texts = []
    for made in (*keras_models.MODELS.values(), *graph_models.GRAPHS):
        keras.utils.clear_session()
        texts.append(made().to_json())
    for seed in range(DRAWN):
        random = Random(seed)
        yield mutant(json.loads(random.choice(texts)), random), None


def defects(sent: Callable[[], Sent], times: int = 1) -> Callable[[Service], Answer]:
    """Return a question that plans and runs what is sent; the value is the number of documents with a 500."""

    def ask(service: Service) -> Answer:
        count = sum(is_defect(service, model, inputs, times) for model, inputs in sent())
        return Answer("500:", "", np.array([count]))

    return ask


def is_defect(service: Service, model: Json, inputs: dict[str, Any] | None, times: int) -> bool:
    """Whether a plan or a run is a 500."""
    plan = service.client.post(PLAN, json={"model": model})
    if plan.status_code == 200:
        body = {"model": model, "inputs": inputs or zeros(plan.json()), "data": "none"}
        return any(service.client.post(RUN, json=body).status_code == 500 for _ in range(times))
    return plan.status_code == 500


def rows() -> Iterator[Row]:
    """Yield all rows."""
    none = right("500:", value=np.zeros(1, "int64"))
    for dtype in ("int32", "bool"):
        words = f"each of {len(LAYERS)} layer types on inputs of {dtype}: how many are 500"
        yield Row("2", words, none, defects(of_every_type(dtype, None)))
    words = f"each of {len(LAYERS)} layer types in int32: how many are 500"
    yield Row("2", words, none, defects(of_every_type("float32", "int32")))
    words = f"{DRAWN} documents drawn from the layers' schemas, run twice: how many are 500"
    yield Row("2", words, none, defects(drawn_documents, 2))
    words = f"{DRAWN} mutants of Keras' JSON: how many are 500"
    yield Row("6", words, none, defects(mutants_of_keras))

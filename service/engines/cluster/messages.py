"""Messages between the front and an actor, around those of the engine: `models.ipc.messages`, without a length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from models.ipc.arena import Span
from models.ipc.messages import (
    Analyse,
    Data,
    FromEngine,
    FromFront,
    Payload,
    Run,
    RunBatch,
    Weights,
)
from models.weights.specs import WeightsFile


class Hello(NamedTuple):
    """An actor that has started its engine: where it is, and what is installed there."""

    node: str
    pid: int
    gpus: tuple[str, ...]
    versions: dict[str, str]


class Batch(NamedTuple):
    """Messages of an engine, in order. `arrays` are the bytes of the spans in them; `number` counts from 0."""

    number: int
    resident_bytes: int
    messages: tuple[bytes, ...]
    arrays: tuple[np.ndarray, ...]


class Ended(msgspec.Struct, frozen=True, tag_field="kind", tag="ended"):
    """The engine of an actor has ended."""

    reason: str


class WeightsWanted(msgspec.Struct, frozen=True, tag_field="kind", tag="weights_wanted"):
    """No file of this digest is on the actor's node."""

    digest: str


encode = msgspec.msgpack.Encoder().encode
to_actor: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(FromFront)
"""Decodes a message of the front."""
from_actor: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(FromEngine | Ended | WeightsWanted)
"""Decodes a message of an actor."""


def runs_of(message: object) -> tuple[Run, ...]:
    """Return the runs in a message."""
    match message:
        case Run():
            return (message,)
        case RunBatch() | Analyse():
            return message.runs
    return ()


def input_spans(message: object) -> list[Span]:
    """Return the spans of a message's inputs, in order."""
    return [payload.span for run in runs_of(message) for payload in run.payloads if payload.span is not None]


def reply_span(message: object) -> Span | None:
    """Return the span of a message of tensors."""
    return message.payload.span if isinstance(message, Data) else None


def weights_of(message: object) -> dict[str, WeightsFile]:
    """Return the weights files that a message refers to, by digest."""
    requests = (message,) if isinstance(message, Weights) else runs_of(message)
    files = (request.weights_file for request in requests)
    return {file.digest: file for file in files if file is not None}


def moved(message: Any, payloads: Iterator[Payload], weights: Mapping[str, WeightsFile]) -> Any:
    """Return a message with other places of its large inputs, in order, and of its weights files, by digest."""

    def place(file: WeightsFile | None) -> WeightsFile | None:
        return None if file is None else weights[file.digest]

    def move(run: Run) -> Run:
        inputs = tuple(payload if payload.span is None else next(payloads) for payload in run.payloads)
        return replace(run, payloads=inputs, weights_file=place(run.weights_file))

    match message:
        case Run():
            return move(message)
        case RunBatch() | Analyse():
            return replace(message, runs=tuple(map(move, message.runs)))
        case Weights():
            return replace(message, weights_file=place(message.weights_file))
    return message

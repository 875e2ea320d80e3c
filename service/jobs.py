"""What is asked of an engine, what it answers, and who waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np

from models.engine.groups import parts
from models.engine.messages import Construct, Plan, Ran, Reply, Request, Run, Specify, TensorInfo, Weights
from models.errors import HungUp, LayerscopeError
from models.network import NO_WEIGHTS, Network
from models.tensors.dtypes import name_of
from models.views.view import View
from models.weights.specs import WeightsFile
from service.courses import Course
from service.settings import Settings
from service.turns import Line


@dataclass(frozen=True)
class Question:
    """A request before it has an engine: how to phrase it, and the arrays that go with it."""

    key: str
    phrase: Callable[[int, tuple[Any, ...]], Request]
    arrays: tuple[np.ndarray, ...] = ()
    document: bytes | None = None
    """The model's, where it is about one."""
    joins: object = None
    """Runs of which this is equal may be computed as one batch; None: this one may not."""
    course: Course = field(default_factory=Course)

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum(array.nbytes for array in self.arrays)

    @property
    def kind(self) -> tuple[str, int]:
        """What runs that take the same time have in common."""
        return self.key, self.nbytes


@dataclass(frozen=True)
class Source:
    """What an engine builds a model from: the document's bytes, and a file of weights when they are not its seed's."""

    document: bytes
    weights: WeightsFile | None
    key: str
    """The model's id: what engines know it by."""


def source_of(network: Network, weights: WeightsFile | None = None) -> Source:
    """A network with its weights, as an engine reads it."""
    digest = weights.digest if weights is not None else NO_WEIGHTS
    return Source(network.document_bytes, weights, network.identity(digest))


class Answer:
    """What an engine says to one question: a head at once, tensors as they come."""

    def __init__(self, course: Course | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._course = course if course is not None else Course()
        self.head: asyncio.Future[Reply] = loop.create_future()
        self._inline: deque[memoryview] = deque()
        self._tensors: asyncio.Queue[memoryview | LayerscopeError] = asyncio.Queue()
        self._sizes: list[int] = []
        self.missing = 0
        self._abandoned = False

    async def tensors(self) -> AsyncIterator[memoryview]:
        """The bytes of each tensor of the head, in order. Shared memory is given back when a view is dropped."""
        head = await self.head
        for _ in head.tensors if isinstance(head, Ran) else ():
            item = self._inline.popleft() if self._inline else await self._tensors.get()
            if isinstance(item, LayerscopeError):
                raise item
            yield item

    def begin(self, head: Reply, inline: Sequence[memoryview]) -> None:
        """Takes the head and the tensors that came with it, which are no shared memory."""
        self._sizes = [info.nbytes for info in head.tensors] if isinstance(head, Ran) else []
        self.missing = len(self._sizes) - len(inline)
        if not self._abandoned:
            self._inline.extend(inline)
        if not self.head.done():
            self._course.end(head)
            self.head.set_result(head)

    def add(self, view: memoryview, count: int = 1) -> None:
        """Takes the next tensors, which lie in one stretch of memory."""
        first = len(self._sizes) - self.missing
        self.missing -= count
        for part in parts(view, self._sizes[first : first + count]):
            self._keep(part)

    def _keep(self, view: memoryview) -> None:
        if self._abandoned:
            view.release()
        else:
            self._tensors.put_nowait(view)

    def abandon(self) -> None:
        """Nobody takes the rest: its memory is given back, also that of tensors still to come."""
        self._abandoned = True
        self._inline.clear()
        while not self._tensors.empty():
            item = self._tensors.get_nowait()
            if isinstance(item, memoryview):
                item.release()

    def fail(self, error: LayerscopeError) -> None:
        """Ends the answer with an error, wherever it stands."""
        if self.head.done():
            self._tensors.put_nowait(error)
        else:
            self._course.end()
            self.head.set_exception(error)


@dataclass(eq=False)
class Job:
    """A question on its way, and who waits for the answer."""

    question: Question
    answer: Answer
    timer: asyncio.TimerHandle | None = None
    given_up: bool = False
    alone: bool = False
    """Whether it runs, or has to run, by itself."""
    number: int = 0
    """What its engine knows it by."""
    seconds: float = 0.0
    """What it is expected to take."""
    line: Line | None = None
    """Where it waits."""
    began: float = 0.0
    """When its engine turned to it, by the loop's clock."""
    build_seconds: float = 0.0
    """What of its time went into building its model."""

    @property
    def client(self) -> str:
        """Who asks."""
        return self.question.course.client

    @property
    def is_computed(self) -> bool:
        """Whether its answer has begun; the engine may be at the next one already."""
        return self.answer.head.done()

    @property
    def is_lost(self) -> bool:
        """Whether it cannot be run again when its engine ends: nothing else ran, or it is half answered."""
        return self.alone or self.is_computed

    def joins(self, other: Job) -> bool:
        """Whether the two may be computed as one batch."""
        apart = self.alone or other.alone or self.question.joins is None
        return not apart and self.question.joins == other.question.joins

    def give_up(self, error: LayerscopeError) -> None:
        """Answers with an error, and leaves the line; what an engine still says to it is ignored."""
        self.given_up = True
        self.stop_clock()
        if self.line is not None:
            self.line.remove(self)
        self.answer.fail(error)

    def hang_up(self) -> None:
        """Who asked is gone: what waits is given up; what runs cannot be stopped, and its tensors are given back."""
        if self.line is not None:
            self.give_up(HungUp())
        elif not self.given_up:
            self.answer.abandon()

    def stop_clock(self) -> None:
        """Ends the running deadline."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def run_question(
    source: Source, names: Sequence[str], arrays: Sequence[np.ndarray], limits: Settings, **options: Any
) -> Question:
    """A run of a document on arrays, as a question."""
    pairs = zip(names, arrays, strict=True)
    infos = tuple(TensorInfo(name, name_of(array.dtype), array.shape, array.nbytes) for name, array in pairs)

    def phrase(number: int, payloads: tuple[Any, ...]) -> Request:
        return Run(
            number, source.key, source.document, infos, payloads,
            max_bytes=limits.reply_limit, max_macs=limits.max_macs, weights_file=source.weights, **options,
        )  # fmt: skip

    joins = _joins(source, infos, options) if limits.batch_requests > 1 else None
    return Question(source.key, phrase, tuple(arrays), source.document, joins)


def _joins(source: Source, infos: Sequence[TensorInfo], options: Mapping[str, Any]) -> object:
    """What runs must agree in: everything but the numbers and the batch, of which all inputs of a run have the same.
    Training mode, in which the rows of a batch meet, keeps a run apart, and so do weights, which each would be sent.
    """
    if options["training"] or options["weights"] or len({info.shape[0] for info in infos}) != 1:
        return None
    return source.key, [(info.name, info.dtype, info.shape[1:]) for info in infos], options


def _key(what: str, content: bytes) -> str:
    """What engines and the quarantine know a question by that is about no built model."""
    return f"{what}:{sha256(content).hexdigest()}"


def plan_question(
    document: bytes,
    shapes: Mapping[str, tuple[int | None, ...]],
    outputs: tuple[str, ...],
    views: Mapping[str, View],
) -> Question:
    """The plan of a document on these input shapes, as a question."""
    key = _key("plan", document)
    return Question(
        key, lambda number, _: Plan(number, document, dict(shapes), outputs, dict(views)), document=document
    )


def construct_question(arguments: bytes) -> Question:
    """The document of a network of keras.applications, as a question."""
    return Question(_key("construct", arguments), lambda number, _: Construct(number, arguments))


def weights_question(source: Source, paths: tuple[str, ...] | None, limits: Settings) -> Question:
    """The weights of a network's layers, as a question."""

    def phrase(number: int, _: tuple[Any, ...]) -> Request:
        return Weights(number, source.key, source.document, paths, limits.reply_limit, source.weights)

    return Question(source.key, phrase, document=source.document)


def specs_question(document: bytes) -> Question:
    """What a file of weights for a document must hold, as a question."""
    return Question(_key("plan", document), lambda number, _: Specify(number, document), document=document)

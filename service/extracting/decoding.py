"""Inputs as the network takes them: by the same code as the inputs of requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import orjson

from models.errors import InvalidTensor, LayerscopeError
from models.networks.architecture import Architecture
from models.reading.parse import parse_document
from models.tensors.dtypes import Array
from service.extracting.failure import text_of
from service.extracting.reading import Content, ReadInput
from service.options.activation import ActivationOptions
from service.options.field_names import IMAGE, TENSOR
from service.requests.decode_memory import DecodeMemory, MemoryShare
from service.requests.inputs import fit_inputs, resolve
from service.requests.payload import DecodedInput, InputPayload, is_tensor_file
from service.settings import Settings

UNREADABLE = "unreadable"
"""The code of inputs that no code of the service refuses: files that cannot be opened."""


@dataclass(frozen=True)
class Refusal:
    """Why an input has no activations: the number and name of it, the code of the error and what it says."""

    index: int
    name: str
    code: str
    message: str

    @classmethod
    def of(cls, index: int, name: str, error: Exception) -> Refusal:
        """Return the refusal that an error is."""
        if isinstance(error, LayerscopeError):
            text = text_of(error)
            return cls(index, name, error.code, text.removeprefix(f"/{IMAGE}: ").removeprefix(f"/{TENSOR}: "))
        return cls(index, name, UNREADABLE, f"{type(error).__name__}: {error}"[:1000])


@dataclass(frozen=True)
class Decoder:
    """Decoder of inputs for a document, canonical JSON."""

    document: bytes
    options: ActivationOptions
    settings: Settings

    @cached_property
    def architecture(self) -> Architecture:
        """The network of the document."""
        return Architecture(parse_document(orjson.loads(self.document)))

    @cached_property
    def _memory(self) -> DecodeMemory:
        return DecodeMemory(int(self.settings.decode_memory))

    def decode(self, read: ReadInput) -> tuple[Array, ...] | Refusal:
        """Return the arrays of one input, each with the batch of one, in the order of the network's inputs."""
        if isinstance(read.content, Exception):
            return Refusal.of(read.index, read.name, read.content)
        try:
            arrays = self._arrays(read.content)
        except LayerscopeError as error:
            return Refusal.of(read.index, read.name, error)
        if arrays[0].shape[0] == 1:
            return arrays
        advice = "rows of .npy, .npz and Parquet files are inputs of their own"
        received = f"{arrays[0].shape[0]} of them"
        return Refusal.of(read.index, read.name, InvalidTensor.at("", "a file is one input", "one", received, advice))

    def _arrays(self, content: Content) -> tuple[Array, ...]:
        if isinstance(content, bytes):
            files = {TENSOR if is_tensor_file(content) else IMAGE: (content,)}
            share = MemoryShare(self._memory)
            share.held = self._memory.limit  # nobody else decodes in this process
            return resolve(self.architecture, InputPayload(files=files), self.options, self.settings, share).arrays
        return fit_inputs(self.architecture, self._named(content), self.settings).arrays

    def _named(self, content: Mapping[str, Array]) -> dict[str, DecodedInput]:
        """Return arrays by the names of the network's inputs; a single one is for the only input."""
        names = list(self.architecture.network.inputs)
        if len(content) == 1 and len(names) == 1:
            content = {names[0]: next(iter(content.values()))}
        return {name: DecodedInput(content[name], "", True) for name in names}

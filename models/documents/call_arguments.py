"""The arguments of a call of a layer, and the order in which Keras flattens them into one list of tensors.

Source: keras.src.ops.symbolic_arguments flattens (args, kwargs), and keras.tree sorts dictionaries by key. The order
decides in which order Keras lists the layers of a model, and so its weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CallArguments:
    """Tensors, by address, that a call is given. `names` are the arguments in the order of Keras' signature.

    The inputs are the first argument, or, where `separate`, the first arguments one by one.
    """

    names: Sequence[str]
    inputs: Sequence[str]
    separate: bool = False
    keywords: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    masks: Sequence[str | None] = ()
    """Those that a model is given for its inputs: by name where they are."""

    def flattened(self, positional: int | None = None) -> tuple[str, ...]:
        """The tensors as Keras lists them: so many arguments (None: the inputs) by position, the others sorted."""
        given = self._given()
        by_position = list(given)[: self._inputs_count() if positional is None else positional]
        by_name = sorted(given.keys() - set(by_position))
        masks = dict(zip(given, self.masks, strict=False))
        tensors = [one for name in by_position + by_name for one in given[name]]
        tensors += [masks.get(name) for name in by_position + by_name]
        return tuple(one for one in tensors if one is not None)

    def _inputs_count(self) -> int:
        return len(self.inputs) if self.separate else 1

    def _given(self) -> dict[str, Sequence[str | None]]:
        given: dict[str, Sequence[str | None]] = {self.names[0]: self.inputs}
        if self.separate:
            given = {name: (one,) for name, one in zip(self.names, self.inputs, strict=False)}
        given |= self.keywords
        return {name: given[name] for name in self.names if name in given}

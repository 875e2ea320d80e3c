"""Arguments of one layer call, and the order in which Keras flattens them into one list of tensors.

Source: keras.src.ops.symbolic_arguments flattens (args, kwargs), and keras.tree sorts dictionaries by key. This order
determines the order in which Keras lists the layers of a model, and therefore its weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CallArguments:
    """Tensor arguments of a call, by address. `names` are the arguments in the order of Keras' signature.

    The inputs form the first argument or, if `separate`, one argument each.
    """

    names: Sequence[str]
    inputs: Sequence[str]
    separate: bool = False
    keywords: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    masks: Sequence[str | None] = ()
    """Masks of a model's inputs, flattened in the order of the inputs."""

    def flattened(self, positional: int | None = None) -> tuple[str, ...]:
        """Return the tensors as Keras lists them: `positional` arguments (None: the inputs), then the others sorted."""
        arguments = self._tensors_by_argument()
        by_position = list(arguments)[: self._inputs_count() if positional is None else positional]
        by_name = sorted(arguments.keys() - set(by_position))
        masks = dict(zip(arguments, self.masks, strict=False))
        tensors = [tensor for name in by_position + by_name for tensor in arguments[name]]
        tensors += [masks.get(name) for name in by_position + by_name]
        return tuple(tensor for tensor in tensors if tensor is not None)

    def _inputs_count(self) -> int:
        return len(self.inputs) if self.separate else 1

    def _tensors_by_argument(self) -> dict[str, Sequence[str | None]]:
        arguments: dict[str, Sequence[str | None]] = {self.names[0]: self.inputs}
        if self.separate:
            arguments = {name: (tensor,) for name, tensor in zip(self.names, self.inputs, strict=False)}
        arguments |= self.keywords
        return {name: arguments[name] for name in self.names if name in arguments}

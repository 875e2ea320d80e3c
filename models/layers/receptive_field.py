"""Receptive fields: the part of the input that one output element of a layer sees.

Size and stride follow Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural
Networks" (Distill, 2019), along each spatial axis: a window of kernel k, stride s and dilation d over
a field of size r and stride j gives size r + (k - 1)·d·j and stride j·s. `offset` is the index of the
first input element that the first output element sees; it is negative inside the padding.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window along one axis. `before` is the padding ahead of it; None when the length is free."""

    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    before: int | None = 0


@dataclass(frozen=True, slots=True)
class AxisField:
    """The receptive field along one axis of the network's input, in input elements."""

    size: int = 1
    stride: int = 1
    offset: int | None = 0

    def through(self, window: Window) -> "AxisField":
        """Return the field after one more window."""
        size = self.size + (window.kernel - 1) * window.dilation * self.stride
        known = self.offset is not None and window.before is not None
        offset = (self.offset or 0) - (window.before or 0) * self.stride if known else None
        return AxisField(size, self.stride * window.stride, offset)


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """One field per spatial axis, within the network input called `input`."""

    input: str
    axes: tuple[AxisField, ...]

    def through(self, windows: Sequence[Window]) -> "ReceptiveField | None":
        """Return the field after a layer with these windows; None if the axes do not correspond."""
        if len(windows) != len(self.axes):
            return None
        return ReceptiveField(self.input, tuple(a.through(w) for a, w in zip(self.axes, windows, strict=True)))


def merged(fields: Sequence[ReceptiveField | None]) -> ReceptiveField | None:
    """Return the union of the fields that one element is computed from, if they slide together over one input."""
    known = [field for field in fields if field is not None]
    if not known or len(known) != len(fields) or len({(f.input, len(f.axes)) for f in known}) != 1:
        return None
    axes = [_union(column) for column in zip(*(field.axes for field in known), strict=True)]
    present = tuple(axis for axis in axes if axis is not None)
    return ReceptiveField(known[0].input, present) if len(present) == len(axes) else None


def _union(axes: Sequence[AxisField]) -> AxisField | None:
    if len({axis.stride for axis in axes}) != 1:
        return None
    offsets = [axis.offset for axis in axes if axis.offset is not None]
    if len(offsets) != len(axes):
        return AxisField(max(axis.size for axis in axes), axes[0].stride, None)
    start = min(offsets)
    end = max(offset + axis.size for offset, axis in zip(offsets, axes, strict=True))
    return AxisField(end - start, axes[0].stride, start)


def padding_before(padding: str, length: int | None, window: Window) -> int | None:
    """Return the zeros ahead of a window under `valid`, `same` or `causal` padding; None for `same` on a free length.

    Source: TensorFlow's rule for SAME, pad = max((ceil(n / s) - 1)·s + (k - 1)·d + 1 - n, 0), the smaller half first.
    """
    reach = (window.kernel - 1) * window.dilation
    if padding == "valid" or (reach == 0 and window.stride == 1):
        return 0
    if padding == "causal":
        return reach
    if length is None:
        return reach // 2 if window.stride == 1 else None
    steps = -(-length // window.stride)
    return max((steps - 1) * window.stride + reach + 1 - length, 0) // 2

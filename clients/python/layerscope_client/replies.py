"""Replies as objects: what the service says, by attribute or key, and arrays by address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from layerscope_client import html
from layerscope_client.calls import Array, Part, Reply
from layerscope_client.tensors import array_from_json

FIGURES = {
    "a", "b", "bias", "max_abs", "mean_abs", "product", "rel_l2", "scores", "snr_db", "sum", "ulps", "value",
    "values", "weight",
}  # fmt: skip
"""Keys of numbers of which NaN and infinities are written as strings; under `evidence`, every key is one."""
SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
AXES = {1: "n", 2: "n,c", 3: "n,t,c", 4: "n,h,w,c", 5: "n,d,h,w,c"}
"""The names that `reduce` has for the axes of a tensor, by their number."""


class Record:
    """An object of a reply: `record.mean` or `record["mean"]`; what a later version adds is there, too.

    It has no `values` and `items` of a mapping, as the service has members of these names; `dict(record)` does.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:  # with an underscore: while it is copied, or displayed
            raise AttributeError(f"use one of {', '.join(self.__dict__.get('_values', ()))}: there is no {name}")
        return self[name]

    def __getitem__(self, name: str) -> Any:
        return recorded(self._values[name], name)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def keys(self) -> Iterator[str]:
        """Return the names of what it has."""
        return iter(self)

    def get(self, name: str, default: Any = None) -> Any:
        """Return what it has by a name, or else the default."""
        return recorded(self._values.get(name, default), name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and dict(self) == dict(other)

    __hash__ = None  # type: ignore[assignment] # as of a dictionary

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._values]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"


def recorded(value: Any, key: str = "") -> Any:
    """Return a value of a reply with objects as records and figures as numbers."""
    if isinstance(value, Mapping):
        inner = {name: recorded(item, "value") for name, item in value.items()} if key == "evidence" else value
        return Record(inner)
    if isinstance(value, list):
        return [recorded(item, key) for item in value]
    return SPECIAL.get(value, value) if isinstance(value, str) and key in FIGURES else value


class Layer(Record):
    """An entry of `layers`: its address, type, shape, dtype, statistics; of a stream, its values, too."""

    @property
    def array(self) -> Array:
        """The values of a layer of a stream, after its view."""
        return array_from_json(self._values)


class Report:
    """A reply: `head` is all of it but the arrays; `layers` by address; `model`, `inputs`, `timing` and what else the
    service says of it as attributes.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts, self.head = facts, Record(facts)
        self.layers = {row["address"]: Layer(row) for row in facts.get("layers", ())}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__.get("head", Record({})), name)

    def __getitem__(self, name: str) -> Any:
        return self.head[name]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.head.get('model', {}).get('name')}: {', '.join(self.layers)}>"

    def table(self) -> Any:
        """Return the layers as a pandas frame, a row for each. Needs pandas."""
        import pandas as pd

        rows = [{**_flat(layer), **dict(layer.get("stats") or {})} for layer in self.layers.values()]
        return pd.DataFrame(rows).set_index("address")


def _flat(layer: Layer) -> dict[str, Any]:
    """Return what stands in one cell of a table each."""
    return {name: tuple(value) if name == "shape" else value for name, value in dict(layer).items()
            if name == "shape" or not isinstance(value, Record | list)}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A request for a run, to draw its layers by: the path below the model's, the parts of its inputs, its options."""

    path: str
    inputs: Sequence[Part]
    options: Mapping[str, Any]


class RunReport(Report, Mapping[str, Array]):
    """The reply to a run: a mapping of arrays by address, views of the reply's bytes. `asked` is the request again."""

    def __init__(self, facts: Mapping[str, Any], tensors: Mapping[str, Array], asked: Asked) -> None:
        super().__init__(facts)
        self.tensors, self.asked = tensors, asked

    __eq__, __hash__ = object.__eq__, object.__hash__  # not that of mappings, which asks arrays whether they are equal

    def __getitem__(self, address: str) -> Array:
        try:
            return self.tensors[address]
        except KeyError:
            raise KeyError(f"use one of {', '.join(self.tensors)}: the reply has no {address}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    @property
    def is_random(self) -> bool:
        """Whether the same request has other results: in training mode numbers are drawn."""
        return bool(self.asked.options.get("training"))

    @property
    def first_item(self) -> dict[str, Any]:
        """The options with which the first item of a batch is drawn alone, where no view says what is drawn."""
        has_view = any(self.asked.options.get(name) is not None for name in ("slice", "reduce", "top", "histogram"))
        return {} if has_view else {"slice": "0:1"}

    def xarray(self, address: str) -> Any:
        """Return an array with named axes: n, h, w, c and so on, as `reduce` has them. Needs xarray."""
        import xarray

        array, view = self[address], self.layers[address].get("view") if address in self.layers else None
        names = view.axes if view else AXES.get(array.ndim, "")
        axes = names.split(",") if names else []
        dims = [name if name in "nthdwc" else f"axis_{axis}" for axis, name in enumerate(axes)]
        return xarray.DataArray(array, dims=dims if len(dims) == array.ndim else None, name=address)

    def _repr_html_(self) -> str:
        return html.run(self)


class Comparison(RunReport):
    """Two runs tensor by tensor: `equal`, `close`, `first_divergence`, and figures by address; arrays are a - b."""

    def _repr_html_(self) -> str:
        return html.comparison(self)


class Diagnosis(Report):
    """What is wrong with the layers of a network: `findings`, those that were found first."""

    @property
    def found(self) -> list[Record]:
        """The findings that were found, the most severe first."""
        return [finding for finding in self.head["findings"] if finding["status"] == "found"]

    def _repr_html_(self) -> str:
        return html.diagnosis(self)


class Summary(Report):
    """A registered model: its graph, and its plan for a batch of one with each layer's receptive field."""

    def _repr_html_(self) -> str:
        return html.model(self)


class Picture(bytes):
    """A PNG file, which a notebook shows. `facts` has the reply's headers on it: its range, what was not finite."""

    facts: Mapping[str, str]

    @classmethod
    def of(cls, reply: Reply) -> Picture:
        """Return the picture of a reply."""
        file, start = cls(reply.body.tobytes()), "x-layerscope-"
        file.facts = {name[len(start) :]: value for name, value in reply.headers.items() if name.startswith(start)}
        return file

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self):,} bytes>"

    def _repr_png_(self) -> bytes:
        return bytes(self)

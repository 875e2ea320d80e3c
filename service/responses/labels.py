"""Class labels of the layers of a reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.ipc.messages import LayerInfo, RunResult
from models.views.labels import NO_LABELS, Names, labels_after
from models.views.view import View


@dataclass(frozen=True)
class ReplyLabels:
    """The labels of a network by tensor, and the views of a request by layer."""

    names: Mapping[str, Names]
    views: Mapping[str, View]

    def of(self, result: RunResult) -> Mapping[str, Names]:
        """Return, for each layer of a result that has some, the names by index: along the last axis of its values, of
        its top units, or of the units whose indices argmax returned.
        """
        if not self.names:
            return NO_LABELS
        pairs = ((layer.address, self._of_layer(layer)) for layer in result.layers if layer.address in self.names)
        return {address: names for address, names in pairs if names is not None}

    def _of_layer(self, layer: LayerInfo) -> Names | None:
        view = self.views.get(layer.address)
        if layer.output is None or (view is not None and view.histogram is not None):
            return None
        along, of_values = labels_after(view, self.names[layer.address], layer.output.shape)
        return of_values if along is None and (view is None or view.top is None) else along


WITHOUT_LABELS = ReplyLabels(NO_LABELS, {})

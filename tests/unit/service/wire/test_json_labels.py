"""Names of top units in JSON, in one piece and in several."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from models.ipc.messages import LayerInfo, TensorInfo
from models.views.view import INDICES, VALUES
from service.wire import json_labels
from service.wire.json import EntryParts, LayerEntry, activations_json, layer_pieces
from service.wire.layer_streams import base64_length

NAMES = ["cat", 'a "dog"\\', "고양이", "🐻\u200d❄️", "e", "f"]


def entry_of(*shape: int) -> LayerEntry:
    """Build a layer with top units."""
    indices = np.random.default_rng(0).integers(0, len(NAMES), shape)
    info = LayerInfo("d", "Dense", None, 0, view={"top": shape[-1], "shape": shape})
    return LayerEntry(info, view={INDICES: indices, VALUES: indices.astype("f4")}, labels=NAMES)


@pytest.mark.parametrize("shape", [(1, 3), (7, 2), (2, 3, 4), (3,)])
def test_names_are_nested_as_their_indices(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes in pieces; the estimate of their size is no less than it is."""
    entry = entry_of(*shape)
    whole = activations_json({}, [entry], "nested")
    top = orjson.loads(whole)["layers"][0]["top"]
    assert np.array(top["labels"], object).tolist() == np.array(NAMES, object)[np.array(top["indices"])].tolist()
    assert "labels" not in orjson.loads(whole)["layers"][0]
    assert json_labels.label_bytes(entry.info, NAMES) >= len(orjson.dumps(top["labels"])) - 2 * len(shape) * 8
    monkeypatch.setattr(json_labels, "LARGE_BYTES", 8)
    pieces = list(layer_pieces(entry, "nested"))
    assert len(pieces) > 2
    assert b'{"layers":[%b]}' % b"".join(pieces) == whole


def test_pieces_of_long_names_are_bounded() -> None:
    """A row of many names is divided."""
    entry = entry_of(1, 50_000)
    pieces = list(layer_pieces(LayerEntry(entry.info, view=entry.view, labels=["x" * 256] * len(NAMES)), "nested"))
    assert max(map(len, pieces)) < 2_000_000
    assert sum(map(len, pieces)) > 10_000_000


def test_the_length_in_base64_counts_the_labels() -> None:
    """As the reply then has it."""
    array = np.zeros((1, len(NAMES)), "f4")
    output = TensorInfo("d", "float32", array.shape, array.nbytes)
    info = LayerInfo("d", "Dense", output, 0)
    text = b"".join(layer_pieces(LayerEntry(info, array, labels=NAMES), "base64"))
    assert base64_length([info], [output], EntryParts(False, {"d": NAMES})) == len(text)
    assert orjson.loads(text)["labels"] == NAMES

"""Tutorial 3: InceptionV3 without its top, as Keras writes it."""

from __future__ import annotations

from typing import Any

import keras
import pytest


@pytest.fixture(scope="module", params=[(299, 8), (224, 5), (75, 1)], ids=lambda sizes: f"{sizes[0]} pixels")
def planned(request: pytest.FixtureRequest, server: Any) -> tuple[int, dict[str, Any]]:
    """The side of the last feature map, and the plan of `to_json()` for one image size."""
    pixels, side = request.param
    model = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=(pixels, pixels, 3))
    return side, server.plan(model.to_json())


def test_shapes_and_parameters(planned: tuple[int, dict[str, Any]]) -> None:
    """(side, side, 2048) at the end, 21,802,784 parameters, 311 layers with the input."""
    side, plan = planned
    assert plan["layers"][-1]["shape"] == [1, side, side, 2048]
    assert plan["totals"]["parameters"] == 21_802_784
    assert plan["totals"]["layers"] + len(plan["inputs"]) == 311

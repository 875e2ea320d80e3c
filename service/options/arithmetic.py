"""Options of requests for the arithmetic of one element."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from models.errors import InvalidOption
from service.options.activation import RunOptions
from service.options.explanation import TARGET_SCHEMA, Target


class ArithmeticOptions(RunOptions):
    """Options of a request for the arithmetic of one element."""

    of: Target = Field(
        None,
        description="The number: an address with NumPy's index over all axes, the batch first: `conv2d[0, 5, 7, 2]`.",
        json_schema_extra={**TARGET_SCHEMA},
    )
    data: Literal["nested", "base64", "none"] = Field(
        "none", description="How JSON carries the parts of the inputs that are read."
    )

    def check(self) -> None:
        """Refuse options that belong to whole layers.

        Raises:
            InvalidOption: weights or edits are asked for.
        """
        if self.edits is not None:
            message, expected = "the arithmetic is that of the network as it is", "no edits"
            raise InvalidOption.at("/edits", message, expected=expected, received="edits", suggestion="leave it out")
        if self.weights:
            message, expected = "the terms show the weights that count", "weights=false"
            advice = "GET /v1/models/{name}/layers/{address}/weights returns all of a layer's"
            raise InvalidOption.at("/weights", message, expected=expected, received="true", suggestion=advice)

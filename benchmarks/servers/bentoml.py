"""BentoML with one worker, whose reply is written by orjson; run by `bentoml serve` with `--arg folder=…`."""

from pathlib import Path
from typing import Annotated

import bentoml
import numpy as np
import orjson
from bentoml.validators import ContentType
from pydantic import BaseModel

from benchmarks.samples import Sample


class Arguments(BaseModel):
    """What the command is told."""

    folder: Path


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Network:
    """The compiled function."""

    def __init__(self) -> None:
        from benchmarks.compiled import Compiled  # noqa: PLC0415 (only the worker needs TensorFlow)

        self._compiled = Compiled(Sample(bentoml.use_arguments(Arguments).folder))

    @bentoml.api
    async def predict(self, inputs: np.ndarray) -> Annotated[bytes, ContentType("application/json")]:
        """Nested lists by layer."""
        return orjson.dumps(self._compiled(inputs.astype(np.float32)), option=orjson.OPT_SERIALIZE_NUMPY)

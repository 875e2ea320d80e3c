"""FastAPI as the tutorials have it: validated lists in, `model.predict`, `tolist` out."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.samples import Sample
from benchmarks.servers.arguments import port, sample


class Body(BaseModel):
    """A batch of pictures."""

    inputs: list[list[list[list[float]]]]


def application(files: Sample) -> FastAPI:
    """One model, kept in memory."""
    app = FastAPI()
    loaded = keras.saving.load_model(files.model)
    model = keras.Model(loaded.inputs[0], {name: loaded.get_layer(name).output for name in files.expected})

    @app.get("/ready")
    def ready() -> None:
        pass

    @app.post("/predict")
    def predict(body: Body) -> dict[str, Any]:
        outputs = model.predict(np.array(body.inputs), verbose=0)
        return {name: value.tolist() for name, value in outputs.items()}

    return app


if __name__ == "__main__":
    uvicorn.run(application(sample()), port=port(), access_log=False, log_level="warning")

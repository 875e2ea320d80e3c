"""`layerscope serve` with stub engines: `python -m tests.stub_server serve`. `STUB_PAGE` is the folder of its page."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import service.server
from service.cli import main
from service.engines.pool import EnginePool

if __name__ == "__main__":
    service.server.EnginePool = partial(EnginePool, program="tests.stub_engine")  # type: ignore[assignment, misc]
    if "STUB_PAGE" in os.environ:
        folder = Path(os.environ["STUB_PAGE"])
        service.server.create_app = partial(service.server.create_app, built_page=folder)
    main()

"""`layerscope serve` with stub engines: `python -m tests.stub_server serve`. `STUB_PAGE` is the folder of its page,
`STUB_GRACE` the seconds after which what nobody uses is removed from a shared store.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import models.store.sharing
import service.serve
import service.server
from service.cli import main
from service.engines.launch import launch_all
from service.engines.pool import EnginePool

STUB = "tests.stub_engine"

if __name__ == "__main__":
    service.serve.launch_all = partial(launch_all, program=STUB)  # type: ignore[assignment, attr-defined]
    service.server.EnginePool = partial(EnginePool, program=STUB)  # type: ignore[assignment, misc]
    if "STUB_PAGE" in os.environ:
        folder = Path(os.environ["STUB_PAGE"])
        service.server.create_app = partial(service.server.create_app, built_page=folder)
    if "STUB_GRACE" in os.environ:
        models.store.sharing.Sharing.__init__.__defaults__ = (1.0, float(os.environ["STUB_GRACE"]))  # type: ignore[attr-defined]
    main()

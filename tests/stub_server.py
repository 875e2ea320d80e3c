"""`layerscope serve` with stub engines: `python -m tests.stub_server serve`."""

from __future__ import annotations

from functools import partial

import service.server
from service.cli import main
from service.engines.pool import EnginePool

if __name__ == "__main__":
    service.server.EnginePool = partial(EnginePool, program="tests.stub_engine")  # type: ignore[assignment, misc]
    main()

"""Beginning of `layerscope serve`: what may refuse the start, and the engines, which take longest until they are ready.

The rest of the front is imported while they import TensorFlow. Hence nothing here imports more than it needs.
"""

from __future__ import annotations

import gc
import signal
from types import FrameType

from service.edge.descriptors import connection_limit, raise_limit
from service.edge.early_health import EarlyHealth
from service.edge.listening import check_host, open_listeners
from service.engines.gpus import engine_count, visible_gpus
from service.engines.launch import launch_all
from service.environment import cuda_visible_devices
from service.requests.heap_trimmer import bound_arenas
from service.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until a stop signal.

    Raises:
        SystemExit: with a one-line message, if the address cannot be bound or is open to other machines without keys,
            the keys are wrong, the store cannot be opened, or the file descriptor limit is too low.
    """
    bound_arenas()
    raise_limit()
    gpus = visible_gpus(cuda_visible_devices()) if settings.engines == "auto" else ()
    connections = connection_limit(settings, engine_count(settings.engines, gpus))
    check_host(settings)
    sockets = open_listeners(settings)
    settings = settings.model_copy(update={"port": sockets[0].getsockname()[1]})
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)  # until the server handles them
    gc.disable()  # until the server has frozen what is imported now, and stays: 0.3 s of 1.6
    launched = launch_all(settings)
    early = EarlyHealth(sockets, settings)
    early.start()
    from service.server import run  # noqa: PLC0415 (imports the front)

    run(settings, sockets, connections, launched, early)


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (signal's signature)
    """End a start: nothing has been promised to anyone, and the engines end with this process."""
    raise SystemExit(0)

"""Parts that a start needs, or ends without: a one-line message says why."""

from __future__ import annotations

from pathlib import Path

from models.store.opening import list_models, open_store
from models.store.store import ModelStore
from service.access.authentication import Authenticator
from service.access.key_file import KeyFile
from service.access.keys import InvalidKeys
from service.cluster import ClusterUnavailable, check_nodes, connect
from service.engines.engine import MakeEngine
from service.environment import otel_variables
from service.observing.tracing import Tracing, tracing_of
from service.settings import PREFIX, Settings


def authenticator_of(settings: Settings) -> Authenticator:
    """Return the authenticator of the settings.

    Raises:
        SystemExit: the file of keys is wrong.
    """
    if not settings.keys:
        return Authenticator(None)
    try:
        return Authenticator(KeyFile(Path(settings.keys)), settings.metrics_open)
    except InvalidKeys as error:
        raise SystemExit(f"layerscope: {PREFIX}KEYS: {error}") from None


def tracing_of_process() -> Tracing | None:
    """Return the tracing that OpenTelemetry's variables ask for; None without any.

    Raises:
        SystemExit: they ask for something that is not here.
    """
    try:
        return tracing_of(otel_variables())
    except ValueError as error:
        raise SystemExit(f"layerscope: {error}") from None


def engines_of(settings: Settings) -> MakeEngine | None:
    """Return what makes engines on the cluster of the settings, which is connected; None: processes of this machine.

    Raises:
        SystemExit: the cluster cannot be used.
    """
    if not settings.ray:
        return None
    try:
        connect(settings.ray)
        check_nodes({"CPU": settings.ray_cpus, "GPU": settings.ray_gpus})
    except ClusterUnavailable as error:
        raise SystemExit(f"layerscope: {PREFIX}RAY: {error}") from None
    from service.engines.cluster.ray_engine import RayEngine  # noqa: PLC0415 (imports Ray, an extra)

    return RayEngine


def store_of(settings: Settings) -> ModelStore:
    """Return the opened store of the settings.

    Raises:
        SystemExit: it cannot be opened, or the fixed models not be listed.
    """
    try:
        fixed = list_models(settings.models)
    except OSError as error:
        raise SystemExit(f"layerscope: {PREFIX}MODELS: {error}") from None
    try:
        return open_store(settings.data_dir, settings.sharing, fixed)
    except OSError as error:
        raise SystemExit(f"layerscope: {PREFIX}DATA_DIR: {error}") from None

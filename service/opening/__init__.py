"""`layerscope open`: registers files of networks with the service on this machine, which is started if none runs."""

from __future__ import annotations

from service.opening.failure import OpeningFailed
from service.opening.files import open_files
from service.opening.page import show
from service.opening.running_service import running_service

__all__ = ["OpeningFailed", "open_files", "running_service", "show"]

"""Registration of files, one model after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from models.weights.saved_model.packing import packed
from service.opening.description import description_of, notes_of, problems_of
from service.opening.failure import OpeningFailed
from service.opening.models import models_of, name_of
from service.opening.running_service import RunningService


def open_files(service: RunningService, files: Sequence[Path]) -> Iterator[str]:
    """Register each model, of files or a SavedModel folder, under the name of its first file, and yield what is known
    of it.

    Raises:
        OpeningFailed: a file is refused, with what the service says.
    """
    for parts in models_of(files):
        name = name_of(next(iter(parts.values())))
        with ExitStack() as stack:
            sent = {part: stack.enter_context(packed(file)) for part, file in parts.items()}
            status, body = service.request("PUT", f"/v1/models/{quote(name)}", sent)
        if status not in (200, 201):
            raise OpeningFailed(f"{', '.join(map(str, parts.values()))} is refused:\n{problems_of(body)}")
        yield notes_of(body) + description_of(service, name)

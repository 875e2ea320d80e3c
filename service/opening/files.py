"""Registration of files, one model after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from models.weights.saved_model.packing import packed
from service.opening.description import description_of, notes_of, problems_of
from service.opening.failure import OpeningFailed
from service.opening.models import models_of, name_of
from service.opening.page import page_of
from service.opening.running_service import RunningService
from service.options.field_names import IMAGE


class Opened(NamedTuple):
    """A model that is registered: what is printed of it, and the address of its page."""

    text: str
    page: str


def open_files(service: RunningService, files: Sequence[Path]) -> Iterator[Opened]:
    """Register each model, of files or a SavedModel folder, under the name of its first file, and yield what is known
    of it; a picture after its files is for its page.

    Raises:
        OpeningFailed: a file is refused, with what the service says.
    """
    for parts in models_of(files):
        picture = parts.pop(IMAGE, None)
        name = name_of(next(iter(parts.values())))
        with ExitStack() as stack:
            sent = {part: stack.enter_context(packed(file)) for part, file in parts.items()}
            status, body = service.request("PUT", f"/v1/models/{quote(name)}", sent)
        if status not in (200, 201):
            raise OpeningFailed(f"{', '.join(map(str, parts.values()))} is refused:\n{problems_of(body)}")
        page, note = page_of(service, name, picture)
        text = notes_of(body) + description_of(service, name, picture)
        yield Opened(f"{text}\n{note}The page on it: {page}\n", page)

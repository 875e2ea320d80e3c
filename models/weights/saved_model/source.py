"""SavedModel folders of Keras models, in archives."""

from __future__ import annotations

from models.weights.saved_model.members import EXPECTED
from models.weights.separate_source import Reader, SeparateSource
from models.weights.source import MEBIBYTE

READER = Reader("models.weights.saved_model.process", "the reader of SavedModels", EXPECTED, 512 * MEBIBYTE)


class SavedModelSource(SeparateSource):
    """An archive of a SavedModel folder."""

    reader = READER
